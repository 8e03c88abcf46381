// Starts the server once the workspace turns out to hold an application, and knows which of its modules have the server as a tool.
import { commands, Disposable, workspace } from 'vscode';
import type { Anvil } from './anvil';
import type { ContextKeys } from './contextKeys';
import { declaresRoutes, lookThrough } from './server/relevance';

export function startWhereItMatters(a: Anvil, keys: ContextKeys, log: (line: string) => void): Disposable {
	let search = new AbortController();
	const matters = () => {
		keys.setActive();
		void a.start();
	};
	/** Looks through the workspace. Resolves to whether it holds an application; undefined if another search has begun meanwhile. */
	const look = async (): Promise<boolean | undefined> => {
		search.abort();
		search = new AbortController();
		const { signal } = search;
		const began = performance.now();
		const folders = (workspace.workspaceFolders ?? []).filter(f => f.uri.scheme === 'file').map(f => f.uri.fsPath);
		const found = await lookThrough(folders, signal);
		if (signal.aborted) {
			return undefined;
		}
		a.toolDirs = found.toolDirs;
		log(`${found.matters ? 'found' : 'no'} application in the workspace (${(performance.now() - began).toFixed(0)} ms)`);
		return found.matters;
	};
	const startIfFound = async () => {
		if (await look()) {
			matters();
		}
	};
	const moduleChanged = async () => {
		if (!(await look())) {
			return;
		}
		if (a.serverState === 'missing' && a.toolDirs.length > 0) {
			await a.restart(); // go get -tool, after the message that there is no program
		} else if (!keys.active) {
			matters(); // once: a server that failed is started again by the user
		}
	};
	const modules = workspace.createFileSystemWatcher('**/go.mod');
	void startIfFound();
	return Disposable.from(
		{ dispose: () => search.abort() },
		modules,
		modules.onDidCreate(() => void moduleChanged()),
		modules.onDidChange(() => void moduleChanged()),
		modules.onDidDelete(() => void moduleChanged()),
		workspace.onDidChangeWorkspaceFolders(() => void startIfFound()),
		workspace.onDidSaveTextDocument(d => {
			if (!keys.active && d.languageId === 'go' && declaresRoutes(d.getText())) {
				matters();
			}
		}),
		commands.registerCommand('anvilLsp.restartServer', async () => {
			keys.setActive();
			await look(); // a tool may have been added, and not every change is told
			await a.restart();
		}),
	);
}
