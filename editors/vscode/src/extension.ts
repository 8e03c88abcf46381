// Entry point. Activation itself only makes what is seen at once; whether the workspace has anything to do with anvil is looked up
// afterwards, and the language client is loaded only if it has.
import { window, type ExtensionContext } from 'vscode';
import { startWhereItMatters } from './activation';
import { Anvil } from './anvil';
import { serverCommandsDoneHere } from './commandNames';
import { registerCommands } from './commands';
import { ContextKeys } from './contextKeys';
import { Debugging } from './debug';
import { Log } from './log';
import { ManifestDiff } from './manifestDiff';
import { RequestPanels } from './request/panel';
import { RoutesView } from './routes/view';
import type * as clientModule from './server/client';
import { StatusBar } from './statusBar';

let anvil: Anvil | undefined;

export function activate(ctx: ExtensionContext): void {
	const began = performance.now();
	const cpuBefore = process.cpuUsage();
	const output = window.createOutputChannel('Anvil', { log: true });
	const trace = window.createOutputChannel('Anvil Trace', { log: true });
	const a = new Anvil(output, trace, ctx.workspaceState, loadClient, serverCommandsDoneHere);
	anvil = a;
	const keys = new ContextKeys(a);
	const routes = new RoutesView(a);
	const panels = new RequestPanels(a, ctx.extensionUri);
	const log = new Log(a);
	const manifestDiff = new ManifestDiff(a);
	const debugging = new Debugging(a, output);
	ctx.subscriptions.push(output, trace, a, keys, new StatusBar(a, keys), routes, panels, log, manifestDiff, debugging);
	ctx.subscriptions.push(...registerCommands({ anvil: a, routes, panels, log, manifestDiff, debugging, output, trace }));
	ctx.subscriptions.push(startWhereItMatters(a, keys, line => output.info(line)));
	// On a busy machine the time on the clock is mostly that of others; the CPU time says whether it was ours.
	const cpu = process.cpuUsage(cpuBefore);
	output.info(`activated in ${(performance.now() - began).toFixed(1)} ms (${((cpu.user + cpu.system) / 1000).toFixed(1)} ms of CPU time)`);
}

export async function deactivate(): Promise<void> {
	await anvil?.stop();
}

function loadClient(): Promise<typeof clientModule> {
	return import('./server/client'); // another bundle, see esbuild.mjs
}
