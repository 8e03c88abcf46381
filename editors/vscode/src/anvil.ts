// The extension's one stateful part: the server, the connection to it, and what it said last. Views and commands ask it and listen to it.
import { commands, EventEmitter, extensions, Uri, window, workspace, Disposable, type LogOutputChannel, type Memento } from 'vscode';
import { Statuses } from './live/statuses';
import { Notifications, Requests, type CommandArgument, type Route, type Status } from './protocol';
import type * as clientModule from './server/client';
import type { Connection } from './server/client';
import { findGo, findServer, type ServerProgram } from './server/locate';
import { thisMachine } from './server/machine';
import { advise, problemOf, remedyTitles, stateOf, type Problem, type Remedy } from './server/problems';
import { Supervisor, type ServerState } from './server/supervisor';
import { leaveToGopls, readSettings, section, serverSection, type ServerSettings } from './settings';

export type Reload = { before: Status | undefined; now: Status };

const declinedKey = 'declinedInstall';

export class Anvil implements Disposable {
	readonly statuses = new Statuses();
	private readonly statusEmitter = new EventEmitter<Status | undefined>();
	private readonly routesEmitter = new EventEmitter<string | undefined>();
	private readonly reloadEmitter = new EventEmitter<Reload>();
	/** Something about the server or a live server changed. */
	readonly onDidChange = this.statusEmitter.event;
	/** The routes of a folder, or of all, are to be asked for again. */
	readonly onDidChangeRoutes = this.routesEmitter.event;
	/** Another generation serves. */
	readonly onDidReload = this.reloadEmitter.event;

	/** Modules that have anvil-lsp as a tool. */
	toolDirs: readonly string[] = [];
	private connection: Connection | undefined;
	private program: ServerProgram | undefined;
	private go: string | undefined;
	/** The setting when the program was looked for. */
	private triedPath = '';
	private readonly supervisor: Supervisor;
	private readonly subscriptions: Disposable[] = [this.statusEmitter, this.routesEmitter, this.reloadEmitter];

	constructor(
		private readonly output: LogOutputChannel,
		private readonly trace: LogOutputChannel,
		private readonly memory: Memento,
		/** The bundle with the language client in it, loaded when it is needed. */
		private readonly loadClient: () => Promise<typeof clientModule>,
		private readonly clientCommands: Record<string, string>,
	) {
		let client: typeof clientModule | undefined;
		this.supervisor = new Supervisor({
			find: async () => {
				client ??= await this.loadClient();
				return this.find();
			},
			launch: program => {
				if (!client) {
					throw new Error('the language client is not loaded');
				}
				const { isTrusted } = workspace; // which is what initialize says
				return client.launch({
					program,
					go: this.go,
					output: this.output,
					trace: this.trace,
					readSettings: scope => settingsOf(scope),
					notifications: {
						[Notifications.status]: (s: Status) => this.onStatus(s),
						[Notifications.routesChanged]: (p: { folder?: string }) => this.routesEmitter.fire(p.folder),
					},
					clientCommands: this.clientCommands,
					onReady: c => {
						this.connection = c;
						if (workspace.isTrusted && !isTrusted) {
							this.tell(Notifications.trust, { trusted: true }); // granted in between, when nobody could be told
						}
					},
				});
			},
			onState: (state, problem) => this.onServerState(state, problem),
			log: line => this.output.info(line),
		});
		this.subscriptions.push(
			workspace.onDidChangeConfiguration(e => {
				// It is told of a workspace's value too, which has no effect.
				if (e.affectsConfiguration(`${section}.server.path`) && serverPath() !== this.triedPath && this.supervisor.state !== 'stopped') {
					void this.restart();
				} else if (e.affectsConfiguration(section) || e.affectsConfiguration('go.useLanguageServer')) {
					this.tell('workspace/didChangeConfiguration', { settings: { [serverSection]: settingsOf(undefined) } });
				}
			}),
			workspace.onDidGrantWorkspaceTrust(() => {
				this.tell(Notifications.trust, { trusted: true });
				if (this.supervisor.state === 'missing') {
					void this.restart(); // a trusted workspace may bring the program itself
				}
				this.statusEmitter.fire(undefined);
			}),
		);
	}

	get serverState(): ServerState {
		return this.supervisor.state;
	}

	/** The status that the window shows: of the active editor's application, or of the one in most trouble. */
	get status(): Status | undefined {
		const document = window.activeTextEditor?.document.uri;
		return this.statuses.foremost(document?.scheme === 'file' ? document.toString() : undefined);
	}

	/** The program that runs or ran last, and the go command that was found. */
	get programs(): { server: ServerProgram | undefined; go: string | undefined } {
		return { server: this.program, go: this.go };
	}

	start(): Promise<void> {
		return this.supervisor.start();
	}

	restart(): Promise<void> {
		return this.supervisor.restart();
	}

	stop(): Promise<void> {
		return this.supervisor.stop();
	}

	/** Runs one of the server's commands, by default for the folder that the window shows. */
	execute<R = unknown>(command: string, argument: CommandArgument = {}): Promise<R> {
		const folder = argument.folder ?? this.status?.folder;
		return this.request<R>('workspace/executeCommand', { command, arguments: [{ ...(folder ? { folder } : {}), ...argument }] });
	}

	async routes(folder?: string): Promise<Route[]> {
		const answer = await this.request<{ routes: Route[] | null } | null>(Requests.routes, folder ? { folder } : {});
		return answer?.routes ?? [];
	}

	async log(lines: number, folder = this.status?.folder): Promise<string> {
		return (await this.request<{ text: string }>(Requests.log, { ...(folder ? { folder } : {}), lines })).text;
	}

	request<R>(method: string, params: unknown): Promise<R> {
		if (!this.connection) {
			return Promise.reject(new Error('The language server is not running.'));
		}
		return this.connection.request<R>(method, params);
	}

	dispose(): void {
		Disposable.from(...this.subscriptions).dispose();
	}

	private tell(method: string, params: unknown): void {
		this.connection?.notify(method, params).catch((err: unknown) => this.output.warn(`${method}: ${String(err)}`));
	}

	private async find(): Promise<ServerProgram | Problem> {
		if (thisMachine.platform === 'win32') {
			return { kind: 'platform' };
		}
		this.go = await findGo(thisMachine);
		if (!this.go) {
			return { kind: 'noGo' };
		}
		const setting = (this.triedPath = serverPath());
		const found = await findServer(thisMachine, { setting, go: this.go, toolDirs: workspace.isTrusted ? this.toolDirs : [] });
		for (const r of found.rejected) {
			this.output.warn(`${r.what} (${r.from}) ${r.why}`);
		}
		this.program = found.program;
		return found.program ?? problemOf(setting, found.rejected);
	}

	private onStatus(now: Status): void {
		const before = this.statuses.set(now);
		if (now.state !== before?.state || now.generation !== before.generation || now.message !== before.message) {
			this.output.info(`${now.state}, generation ${now.generation}${now.message ? `: ${now.message}` : ''}`);
		}
		this.statusEmitter.fire(now);
		if (now.state === 'live' && now.generation !== before?.generation) {
			this.routesEmitter.fire(now.folder);
			this.reloadEmitter.fire({ before, now });
		}
	}

	private onServerState(state: ServerState, problem: Problem | undefined): void {
		if (state !== 'running') {
			this.connection = undefined;
			this.statuses.clear();
			this.routesEmitter.fire(undefined);
		}
		this.statusEmitter.fire(undefined);
		if (problem) {
			this.output.error(advise(problem).message);
			void this.complain(problem);
		}
	}

	/** Shows the one message about a problem. */
	private async complain(problem: Problem): Promise<void> {
		if (stateOf(problem) === 'missing' && this.memory.get<boolean>(declinedKey)) {
			return; // the status bar still says so
		}
		const { message, remedies } = advise(problem);
		const never = 'Not in This Workspace';
		const titles = remedies.map(r => remedyTitles[r]);
		const picked = await window.showErrorMessage(message, ...titles, ...(problem.kind === 'missing' ? [never] : []));
		if (picked === never) {
			await this.memory.update(declinedKey, true);
		}
		const remedy = remedies.find(r => remedyTitles[r] === picked);
		if (remedy) {
			await commands.executeCommand(...remedyCommands[remedy]);
		}
	}
}

const remedyCommands: Record<Remedy, [command: string, ...args: unknown[]]> = {
	install: ['anvilLsp.installServer'],
	setPath: ['workbench.action.openSettings', `${section}.server.path`],
	showOutput: ['anvilLsp.showOutput'],
	startAgain: ['anvilLsp.restartServer'],
	getGo: ['vscode.open', Uri.parse('https://go.dev/dl/')],
	useWsl: ['vscode.open', Uri.parse('https://code.visualstudio.com/docs/remote/wsl')],
};

function serverPath(): string {
	return workspace.getConfiguration(section).get<string>('server.path', '').trim();
}

/** Says whether the Go extension is there and has not been told to do without gopls. */
function runsGopls(): boolean {
	return extensions.getExtension('golang.go') !== undefined && workspace.getConfiguration('go').get<boolean>('useLanguageServer', true);
}

function settingsOf(scope: string | undefined): ServerSettings {
	const config = workspace.getConfiguration(section, scope ? Uri.parse(scope) : undefined);
	return leaveToGopls(readSettings(key => config.get(key)), runsGopls());
}
