// Install or Update: `go install` of the program.
import { ProgressLocation, window, workspace, type LogOutputChannel } from 'vscode';
import { version } from '../../package.json';
import { messageOf } from '../errors';
import { findGo } from './locate';
import { thisMachine } from './machine';
import { advise, remedyTitles } from './problems';
import { modulePath } from './relevance';

const timeout = 10 * 60_000;

/** What is installed: the release that this extension was tested with, whatever is the newest. */
export const target = `${modulePath}/cmd/anvil-lsp@v${version}`;

/** Installs the program. Returns whether it is there now; what went wrong has been told. */
export async function installServer(output: LogOutputChannel): Promise<boolean> {
	if (!workspace.isTrusted) {
		void window.showErrorMessage('Anvil: nothing is installed from a window that is not trusted.');
		return false;
	}
	const go = await findGo(thisMachine);
	if (!go) {
		void window.showErrorMessage(advise({ kind: 'noGo' }).message);
		return false;
	}
	output.info(`${go} install ${target}`);
	try {
		await window.withProgress({ location: ProgressLocation.Notification, title: `Anvil: go install ${target}` }, async () => {
			// At home, so that no go.mod of the workspace has a say in which version that is.
			const { stderr } = await thisMachine.run(go, ['install', target], { cwd: thisMachine.home, timeout });
			if (stderr.trim()) {
				output.info(stderr.trim());
			}
		});
		return true;
	} catch (err) {
		const why = messageOf(err);
		output.error(`go install: ${why}`);
		const show = remedyTitles.showOutput;
		if ((await window.showErrorMessage(`Anvil: go install failed: ${why}`, show)) === show) {
			output.show();
		}
		return false;
	}
}
