// Debug Live Server: attaches Delve, through the Go extension, to the process that serves. Delve reads the symbols of a plugin when that is
// loaded, but does not bind breakpoints anew that are bound already; setting them again after a reload binds them in the newest generation
// too. It stays attached all the while: when Delve (1.26, 1.27) detaches, it leaves a breakpoint of its own in plugin.Open, by which the
// process would die at its next reload. So the live server is restarted once the debugger is gone.
import * as fs from 'node:fs';
import { commands, ConfigurationTarget, debug, extensions, ProgressLocation, SourceBreakpoint, Uri, window, workspace, type DebugConfiguration, type DebugSession, Disposable, type LogOutputChannel } from 'vscode';
import type { Anvil } from './anvil';
import { messageOf } from './errors';
import { Rebuild, type Outcome } from './live/rebuild';
import { ServerCommands, type Status } from './protocol';
import { thisMachine } from './server/machine';
import { section } from './settings';

const goExtension = 'golang.go';
/** Milliseconds for binding breakpoints. */
const bindTimeout = 10_000;
/** Milliseconds within which a change of the setting shows. */
const rebuildTimeout = 30_000;
const sessionMark = 'anvilLiveServer';

export class Debugging implements Disposable {
	private session: DebugSession | undefined;
	/** The folder whose live server is debugged. */
	private folder: string | undefined;
	/** The process stands at a breakpoint. */
	private stopped = false;
	private stoppedThread = 0;
	private asking = false;
	private onBound: ((set: DapBreakpoint[]) => void) | undefined;
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
					void this.ended();
				}
			}),
			debug.registerDebugAdapterTrackerFactory('go', {
				createDebugAdapterTracker: s => (s.configuration[sessionMark] === true ? { onDidSendMessage: (m: DapMessage) => this.observe(m) } : undefined),
			}),
			anvil.onDidReload(({ now }) => {
				if (this.session && now.folder === this.folder) {
					void this.follow(now, this.session);
				}
			}),
			anvil.onDidChange(s => {
				if (this.session && this.stopped && s?.folder === this.folder && s?.state === 'building') {
					this.askToContinue(this.session);
				}
			}),
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
		if (this.session) {
			// One at a time: a second one would take the first one's place here.
			void window.showInformationMessage(`Anvil: the debugger is attached already, to ${this.session.name}.`);
			await commands.executeCommand('workbench.view.debug');
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
		if (!(await this.begin(this.anvil.statuses.get(status.folder) ?? status))) {
			void window.showErrorMessage('Anvil: the debugger did not attach. The debug console says why; on Linux, /proc/sys/kernel/yama/ptrace_scope must be 0.');
		}
	}

	dispose(): void {
		Disposable.from(...this.subscriptions).dispose();
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
		this.folder = status.folder;
		return debug.startDebugging(folder, configuration);
	}

	/** Binds the breakpoints in the generation that is live now; in a new process, attaches to it. */
	private async follow(now: Status, session: DebugSession): Promise<void> {
		try {
			const pid = await this.askPid(now.folder);
			if (pid !== session.configuration.processId) {
				return; // restarted: Delve says that its process has ended, and ended() goes on
			}
			const inGo = debug.breakpoints.filter(b => b instanceof SourceBreakpoint).filter(b => b.enabled && b.location.uri.path.endsWith('.go'));
			if (inGo.length === 0) {
				return;
			}
			const bound = this.binding(inGo.length);
			debug.removeBreakpoints(inGo);
			debug.addBreakpoints(inGo.map(b => new SourceBreakpoint(b.location, b.enabled, b.condition, b.hitCondition, b.logMessage)));
			await bound;
			this.output.info(`${inGo.length} breakpoints set again for generation ${now.generation}`);
		} catch (err) {
			this.tellNotBound(now, messageOf(err));
		}
	}

	/** Waits until the debugger has bound so many breakpoints. Rejects with its words if it cannot, or after a while. */
	private binding(count: number): Promise<void> {
		const left = new Map<string, DapBreakpoint[]>();
		return new Promise((resolve, reject) => {
			const end = (err?: Error) => {
				clearTimeout(timer);
				this.onBound = undefined;
				if (err) {
					reject(err);
				} else {
					resolve();
				}
			};
			const timer = setTimeout(() => end(new Error(`the debugger did not bind them within ${bindTimeout / 1000} s`)), bindTimeout);
			this.onBound = set => {
				for (const b of set) {
					const path = b.source?.path ?? '';
					left.set(
						path,
						set.filter(x => (x.source?.path ?? '') === path),
					);
				}
				const all = [...left.values()].flat();
				if (all.length >= count) {
					const loose = all.find(b => !b.verified);
					end(loose && new Error(loose.message ?? 'the debugger does not know the line'));
				}
			};
		});
	}

	/** The session is over: because the process has ended, or because the user detached. */
	private async ended(): Promise<void> {
		const attachedTo: unknown = this.session?.configuration.processId;
		this.session = undefined;
		this.stopped = false;
		const status = this.folder ? this.anvil.statuses.get(this.folder) : undefined;
		if (!status || status.generation === 0) {
			return;
		}
		try {
			if ((await this.askPid(status.folder)) === attachedTo) {
				this.output.info('the debugger is gone; the live server is restarted, since Delve leaves a breakpoint in plugin.Open');
				await this.anvil.execute(ServerCommands.restart, { folder: status.folder });
			} else {
				this.tellNotBound(status, 'the live server was restarted');
			}
		} catch (err) {
			this.output.warn(`after debugging: ${String(err)}`);
		}
	}

	private tellNotBound(status: Status, why: string): void {
		const attach = 'Attach Again';
		void window
			.showWarningMessage(`Anvil: no breakpoint is bound in generation ${status.generation}: ${why}.`, attach)
			.then(picked => (picked === attach ? this.attach() : undefined))
			.then(undefined, (err: unknown) => this.fail(err));
	}

	/** A process that stands still at a breakpoint cannot load anything; but nobody wants to lose the place where they look. */
	private askToContinue(session: DebugSession): void {
		if (this.asking) {
			return;
		}
		this.asking = true;
		const go = 'Continue and Load';
		void window
			.showInformationMessage('Anvil: the live server stands at a breakpoint and cannot load the new code.', go)
			.then(async picked => {
				this.asking = false;
				const status = this.folder ? this.anvil.statuses.get(this.folder) : undefined;
				if (picked !== go || !status) {
					return;
				}
				if (this.stopped) {
					await session.customRequest('continue', { threadId: this.stoppedThread });
				}
				if (status.state !== 'building') {
					// The engine has given up waiting meanwhile: have it load once more.
					await this.anvil.execute(ServerCommands.reload, { folder: status.folder });
				}
			})
			.then(undefined, (err: unknown) => this.fail(err));
	}

	/** Tells what became of a button that was pressed. */
	private fail(err: unknown): void {
		const why = messageOf(err);
		this.output.error(why);
		void window.showErrorMessage(`Anvil: ${why}`);
	}

	private observe(m: DapMessage): void {
		if (m.type === 'response' && m.command === 'setBreakpoints') {
			this.onBound?.(m.body?.breakpoints ?? []);
		} else if (m.type === 'event' && m.event === 'stopped') {
			this.stopped = true;
			this.stoppedThread = m.body?.threadId ?? 0;
		} else if ((m.type === 'event' && m.event === 'continued') || (m.type === 'response' && /^(continue|next|stepIn|stepOut)$/.test(m.command ?? ''))) {
			this.stopped = false;
		}
	}

	/** Optimized code moves breakpoints and hides variables: offers to build without optimizations. Returns whether to attach. */
	private async builtForDebugger(status: Status): Promise<boolean> {
		const anyway = 'Attach Anyway';
		if (status.attached) {
			// The settings here are not that engine's, and it does not tell its own.
			const picked = await window.showInformationMessage(
				'Anvil: the live server belongs to an anvil-lsp in another window or terminal. Breakpoints hold if that one builds for the debugger: in a terminal restart that anvil-lsp with --debug, in a window turn on anvilLsp.debug.',
				anyway,
			);
			return picked === anyway;
		}
		const uri = Uri.parse(status.folder);
		const config = workspace.getConfiguration(section, uri);
		if (config.get<boolean>('debug')) {
			return true;
		}
		const turnOn = 'Turn On and Restart';
		const picked = await window.showInformationMessage(
			'Anvil: the live server is built with optimizations, so breakpoints may not hold. Turn the setting anvilLsp.debug on?',
			turnOn,
			anyway,
		);
		if (picked !== turnOn) {
			return picked === anyway;
		}
		const outcome = this.rebuilt(status.folder);
		// Where the server asks for it: it reads its settings by the folder of the workspace.
		await config.update('debug', true, workspace.getWorkspaceFolder(uri) ? ConfigurationTarget.WorkspaceFolder : ConfigurationTarget.Workspace);
		const end = await window.withProgress({ location: ProgressLocation.Notification, title: 'Anvil: the live server is being rebuilt for the debugger', cancellable: true }, (_, token) =>
			Promise.race([outcome, new Promise<'waiting'>(resolve => token.onCancellationRequested(() => resolve('waiting')))]),
		);
		if (typeof end === 'object') {
			void window.showErrorMessage(`Anvil: the live server was not rebuilt for the debugger: ${end.failed}.`);
		}
		return end === 'live';
	}

	/** Waits until a folder's live server was built anew, or will not be. */
	private rebuilt(folder: string): Promise<Outcome> {
		const rebuild = new Rebuild();
		return new Promise(resolve => {
			const end = (outcome: Outcome) => {
				clearTimeout(timer);
				subscription.dispose();
				resolve(outcome);
			};
			// Once it has begun it takes as long as the build does; the user can cancel.
			const timer = setTimeout(() => end({ failed: 'the setting anvilLsp.debug had no effect' }), rebuildTimeout);
			const subscription = this.anvil.onDidChange(s => {
				if (this.anvil.serverState !== 'running') {
					end({ failed: 'the language server ended' });
				} else if (s?.folder === folder) {
					const outcome = rebuild.next(s);
					if (outcome !== 'waiting') {
						end(outcome);
					} else if (rebuild.begun) {
						clearTimeout(timer);
					}
				}
			});
		});
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

type DapBreakpoint = { verified?: boolean; message?: string; source?: { path?: string } };
type DapMessage = { type?: string; event?: string; command?: string; body?: { threadId?: number; breakpoints?: DapBreakpoint[] } };
