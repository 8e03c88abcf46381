// Entry point. Activation itself only makes what is seen at once; whether the workspace has anything to do with anvil is looked up
// afterwards, and the language client is loaded only if it has.
import { commands, window, workspace, type ExtensionContext } from 'vscode';
import { Anvil } from './anvil';
import { serverCommandsDoneHere } from './commandNames';
import { registerCommands } from './commands';
import { ContextKeys } from './contextKeys';
import { Debugging } from './debug';
import { RequestPanels } from './request/panel';
import { RoutesView } from './routes/view';
import type * as clientModule from './server/client';
import { declaresRoutes, lookThrough } from './server/relevance';
import { StatusBar } from './statusBar';
import { Texts } from './texts';

let anvil: Anvil | undefined;

export function activate(ctx: ExtensionContext): void {
	const began = performance.now();
	const output = window.createOutputChannel('Anvil', { log: true });
	const trace = window.createOutputChannel('Anvil Trace', { log: true });
	const a = new Anvil(output, trace, ctx.workspaceState, loadClient, serverCommandsDoneHere);
	anvil = a;
	const keys = new ContextKeys(a);
	const routes = new RoutesView(a);
	const panels = new RequestPanels(a, ctx.extensionUri);
	const texts = new Texts(a);
	const debugging = new Debugging(a, output);
	ctx.subscriptions.push(output, trace, a, keys, new StatusBar(a, keys), routes, panels, texts, debugging);
	ctx.subscriptions.push(...registerCommands({ anvil: a, routes, panels, texts, debugging, output, trace }));
	watchRelevance(ctx, a, keys, line => output.info(line));
	output.info(`activated in ${(performance.now() - began).toFixed(1)} ms`);
}

export async function deactivate(): Promise<void> {
	await anvil?.stop();
}

/** Starts the server once the workspace turns out to hold an application. */
function watchRelevance(ctx: ExtensionContext, a: Anvil, keys: ContextKeys, log: (line: string) => void): void {
	let search = new AbortController();
	const matters = () => {
		keys.setActive();
		void a.start();
	};
	const look = async () => {
		search.abort();
		search = new AbortController();
		const { signal } = search;
		const began = performance.now();
		const folders = (workspace.workspaceFolders ?? []).filter(f => f.uri.scheme === 'file').map(f => f.uri.fsPath);
		const found = await lookThrough(folders, signal);
		if (signal.aborted) {
			return;
		}
		a.toolDirs = found.toolDirs;
		log(`${found.matters ? 'found' : 'no'} application in the workspace (${(performance.now() - began).toFixed(0)} ms)`);
		if (found.matters) {
			matters();
		}
	};
	ctx.subscriptions.push(
		{ dispose: () => search.abort() },
		workspace.onDidChangeWorkspaceFolders(() => void look()),
		workspace.onDidSaveTextDocument(d => {
			if (!keys.active && d.languageId === 'go' && declaresRoutes(d.getText())) {
				matters();
			}
		}),
		commands.registerCommand('anvilLsp.restartServer', () => {
			keys.setActive();
			return a.restart();
		}),
	);
	void look();
}

function loadClient(): Promise<typeof clientModule> {
	return import('./server/client'); // another bundle, see esbuild.mjs
}
