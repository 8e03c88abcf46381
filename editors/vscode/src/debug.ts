// Debug Live Server: attaches Delve, through the Go extension, to the process that serves. Delve reads the symbols of a plugin when it
// attaches, so that a breakpoint in hot code is bound to the newest generation by attaching again after a reload.
import * as fs from 'node:fs';
import { commands, debug, extensions, Uri, window, workspace, type DebugConfiguration, type DebugSession, type Disposable, type LogOutputChannel } from 'vscode';
import type { Anvil } from './anvil';
import type { Status } from './protocol';
import { thisMachine } from './server/machine';
import { section } from './settings';

const goExtension = 'golang.go';
const sessionMark = 'anvilLiveServer';

export class Debugging implements Disposable {
	private session: DebugSession | undefined;
	private stopped = false;
	private toldStopped = false;
	private attaching = false;
	private readonly subscriptions: Disposable[];

	constructor(
		private readonly anvil: Anvil,
		private readonly output: LogOutputChannel,
	) {
		this.subscriptions = [
			debug.onDidStartDebugSession(s => {
				if (s.configuration[sessionMark] === true) {
					this.session = s;
				}
			}),
			debug.onDidTerminateDebugSession(s => {
				if (s.id === this.session?.id) {
					this.session = undefined;
					this.stopped = false;
				}
			}),
			debug.registerDebugAdapterTrackerFactory('go', {
				createDebugAdapterTracker: s => (s.configuration[sessionMark] === true ? { onDidSendMessage: (m: DapMessage) => this.observe(m) } : undefined),
			}),
			anvil.onDidReload(({ now }) => void this.follow(now)),
			anvil.onDidChange(s => this.warnWhileStopped(s)),
		];
	}

	/** Attaches to the live server of the folder that the window shows. */
	async attach(): Promise<void> {
		if (!extensions.getExtension(goExtension)) {
			const find = 'Find the Go Extension';
			if ((await window.showErrorMessage('Anvil: debugging needs the Go extension (golang.go), which brings Delve.', find)) === find) {
				await commands.executeCommand('workbench.extensions.search', `@id:${goExtension}`);
			}
			return;
		}
		const status = this.anvil.status;
		if (!status || status.generation === 0) {
			void window.showErrorMessage('Anvil: there is no live server to debug. Start it first.');
			return;
		}
		if (!(await this.builtForDebugger(status))) {
			return;
		}
		if (!(await this.begin(status))) {
			void window.showErrorMessage('Anvil: the debugger did not attach. The debug console says why; on Linux, /proc/sys/kernel/yama/ptrace_scope must be 0.');
		}
	}

	dispose(): void {
		for (const d of this.subscriptions) {
			d.dispose();
		}
	}

	private async begin(status: Status): Promise<boolean> {
		const pid = await this.askPid(status.folder);
		if (!pid) {
			throw new Error('The live server does not tell its process id.');
		}
		const folder = workspace.getWorkspaceFolder(Uri.parse(status.folder));
		const configuration: DebugConfiguration = {
			type: 'go',
			request: 'attach',
			mode: 'local',
			name: `Live server, generation ${status.generation}`,
			processId: pid,
			[sessionMark]: true,
		};
		return debug.startDebugging(folder, configuration, { suppressDebugView: this.session !== undefined });
	}

	/** After a reload: attaches again if there is a breakpoint that could stand in the new code. */
	private async follow(now: Status): Promise<void> {
		const old = this.session;
		if (!old || this.attaching || !debug.breakpoints.some(b => b.enabled)) {
			return;
		}
		this.attaching = true;
		try {
			await debug.stopDebugging(old);
			if (!(await this.begin(now))) {
				throw new Error('the debugger did not attach');
			}
			this.output.info(`attached again: breakpoints in hot code are bound to generation ${now.generation}`);
		} catch (err) {
			const again = 'Attach Again';
			const why = err instanceof Error ? err.message : String(err);
			const picked = await window.showWarningMessage(`Anvil: breakpoints in hot code stay in the generation before ${now.generation}: ${why}.`, again);
			if (picked === again) {
				await this.attach();
			}
		} finally {
			this.attaching = false;
		}
	}

	private observe(m: DapMessage): void {
		if (m.type === 'event' && m.event === 'stopped') {
			this.stopped = true;
			this.toldStopped = false;
		} else if (m.type === 'event' && m.event === 'continued') {
			this.stopped = false;
		} else if (m.type === 'response' && /^(continue|next|stepIn|stepOut)$/.test(m.command ?? '')) {
			this.stopped = false;
		}
	}

	/** A process that stands still at a breakpoint cannot load anything. */
	private warnWhileStopped(s: Status | undefined): void {
		if (s?.state === 'building' && this.session && this.stopped && !this.toldStopped) {
			this.toldStopped = true;
			void window.showInformationMessage('Anvil: the live server stands at a breakpoint. Continue it, so that it can load the new code.');
		}
	}

	/** Optimized code moves breakpoints and hides variables: offers to build without optimizations. */
	private async builtForDebugger(status: Status): Promise<boolean> {
		const config = workspace.getConfiguration(section, Uri.parse(status.folder));
		if (config.get<boolean>('debug')) {
			return true;
		}
		const turnOn = 'Turn On and Restart';
		const anyway = 'Attach Anyway';
		const picked = await window.showInformationMessage(
			'Anvil: the live server is built with optimizations, so breakpoints may not hold. Turn the setting anvilLsp.debug on?',
			turnOn,
			anyway,
		);
		if (picked === turnOn) {
			await config.update('debug', true);
			void window.showInformationMessage('Anvil: the live server is built for the debugger now. Run Debug Live Server again once it is live.');
		}
		return picked === anyway;
	}

	/** Asks the engine, which may belong to another window or a terminal, for the process that serves. */
	private async askPid(folder: string): Promise<number | undefined> {
		const { server } = this.anvil.programs;
		const cwd = Uri.parse(folder).fsPath;
		if (!server || !fs.existsSync(cwd)) {
			return undefined;
		}
		const { stdout } = await thisMachine.run(server.command, [...server.args, 'ctl', 'status', '--json'], { cwd, timeout: 10_000 });
		return (JSON.parse(stdout) as { live?: { pid?: number } }).live?.pid;
	}
}

type DapMessage = { type?: string; event?: string; command?: string };
