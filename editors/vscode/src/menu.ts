// The menu behind the status bar item.
import { commands, QuickPickItemKind, window, workspace, type QuickPickItem } from 'vscode';
import type { Anvil } from './anvil';
import { section } from './settings';

type Entry = QuickPickItem & { command?: string; arguments?: unknown[] };

export async function showMenu(anvil: Anvil): Promise<void> {
	const status = anvil.status;
	const picked = await window.showQuickPick(entries(anvil), {
		title: status?.url ? `Anvil · ${status.url}` : 'Anvil',
		placeHolder: status?.message || 'What to do with the live server',
		matchOnDescription: true,
	});
	if (picked?.command) {
		await commands.executeCommand(picked.command, ...(picked.arguments ?? []));
	}
}

function entries(anvil: Anvil): Entry[] {
	const line = (label: string): Entry => ({ label, kind: QuickPickItemKind.Separator });
	const server: Entry[] = [
		line('Language server'),
		{ label: '$(refresh) Restart language server', command: 'anvilLsp.restartServer' },
		{ label: '$(output) Show output', command: 'anvilLsp.showOutput' },
	];
	if (anvil.serverState === 'missing') {
		return [{ label: '$(cloud-download) Install anvil-lsp', description: 'go install', command: 'anvilLsp.installServer' }, ...server];
	}
	if (anvil.serverState === 'badPath') {
		return [{ label: '$(settings-gear) Set the path of anvil-lsp', description: 'that in anvilLsp.server.path cannot be used', command: 'workbench.action.openSettings', arguments: [`${section}.server.path`] }, ...server];
	}
	if (anvil.serverState !== 'running') {
		return server;
	}
	if (!workspace.isTrusted) {
		return [{ label: '$(shield) Manage workspace trust', description: 'nothing is built or run until then', command: 'workbench.trust.manage' }, ...server];
	}
	const status = anvil.status;
	if (!status || status.state === 'off') {
		return [{ label: '$(play) Start live server', command: 'anvilLsp.start' }, ...server];
	}
	const live: Entry[] = [
		{ label: '$(zap) Reload', description: 'build and take what is saved', command: 'anvilLsp.reload' },
		{ label: '$(debug-restart) Restart', description: 'new process on the same address; what is in memory is lost', command: 'anvilLsp.restart' },
		{ label: '$(history) Roll back', description: 'to the generation before', command: 'anvilLsp.rollback' },
		status.paused
			? { label: '$(debug-continue) Resume reload on save', command: 'anvilLsp.resume' }
			: { label: '$(debug-pause) Pause reload on save', command: 'anvilLsp.pause' },
		{ label: '$(debug-stop) Stop', command: 'anvilLsp.stop' },
	];
	const look: Entry[] = [
		line('Look'),
		...(status.url ? [{ label: '$(globe) Open in browser', description: status.url, command: 'anvilLsp.openInBrowser' }] : []),
		{ label: '$(list-tree) Routes', command: 'anvilLsp.routes.focus' },
		{ label: '$(beaker) Test a route', command: 'anvilLsp.testRoute' },
		{ label: '$(output) Show log', command: 'anvilLsp.showLog' },
		{ label: '$(diff) What changed since the live generation', command: 'anvilLsp.showManifestDiff' },
		{ label: '$(debug-alt) Debug live server', command: 'anvilLsp.debug' },
	];
	return [...live, ...look, ...server];
}
