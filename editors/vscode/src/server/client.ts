// The language client around one server process. It is a bundle of its own, loaded when there is a server to talk to.
import { commands, env, Uri, workspace, type LogOutputChannel } from 'vscode';
import {
	CloseAction,
	ErrorAction,
	LanguageClient,
	RevealOutputChannelOn,
	type ConfigurationParams,
	type LanguageClientOptions,
} from 'vscode-languageclient/node';
import { answerConfiguration, section, type ServerSettings } from '../settings';
import type { ServerProgram } from './locate';
import { startProcess } from './process';
import type { Run } from './supervisor';

/** What the rest of the extension wants of a running server. */
export type Connection = {
	request<R>(method: string, params?: unknown): Promise<R>;
	notify(method: string, params: unknown): Promise<void>;
};

export type LaunchOptions = {
	program: ServerProgram;
	go: string | undefined;
	output: LogOutputChannel;
	trace: LogOutputChannel;
	readSettings(scope: string | undefined): ServerSettings;
	/** Handlers of the server's own notifications. */
	notifications: Record<string, (params: never) => void>;
	/** Commands of the server that this client does itself: name → command of VS Code. */
	clientCommands: Record<string, string>;
	onReady(connection: Connection): void;
};

/** Leaves the user alone: what has to be said about a server that does not run, the supervisor says once. */
class QuietClient extends LanguageClient {
	override error(message: string, data?: unknown): void {
		super.error(message, data, false);
	}
}

/** How long the server may take to shut down, in milliseconds. It ends the live server with it. */
const stopTimeout = 10_000;

export function launch(o: LaunchOptions): Run {
	const proc = startProcess(o.program, workspace.workspaceFolders?.[0]?.uri.fsPath, o.go, line => o.output.info(`[stderr] ${line}`));
	const client = new QuietClient(section, 'Anvil', () => Promise.resolve(proc.child), clientOptions(o));
	for (const [method, handler] of Object.entries(o.notifications)) {
		client.onNotification(method, handler as (params: unknown) => void);
	}
	const ready = client.start().then(() => {
		o.onReady({
			request: (method, params) => client.sendRequest(method, params),
			notify: (method, params) => client.sendNotification(method, params),
		});
	});
	ready.catch(() => undefined); // whoever waits for it sees it; nobody else has to
	// The diagnostics and providers of a server that is gone go with it.
	void proc.ended.then(() => client.dispose().catch(() => undefined));
	return {
		ready,
		ended: proc.ended,
		kill: () => proc.kill(),
		async stop() {
			try {
				await client.stop(stopTimeout);
			} catch {
				// It did not answer, or is gone.
			}
			const timer = setTimeout(() => proc.kill(), stopTimeout);
			await proc.ended;
			clearTimeout(timer);
		},
	};
}

function clientOptions(o: LaunchOptions): LanguageClientOptions {
	return {
		documentSelector: [
			{ scheme: 'file', language: 'go' },
			{ scheme: 'file', language: 'go.mod' },
			{ scheme: 'file', pattern: '**/go.mod' },
		],
		diagnosticCollectionName: 'anvil',
		outputChannel: o.output,
		traceOutputChannel: o.trace,
		revealOutputChannelOn: RevealOutputChannelOn.Never,
		initializationOptions: { ...o.readSettings(undefined), trusted: workspace.isTrusted, clientCommands: true },
		initializationFailedHandler: () => false,
		// The supervisor starts it again and finds the words; here it only ends.
		errorHandler: {
			error: () => ({ action: ErrorAction.Continue, handled: true }),
			closed: () => ({ action: CloseAction.DoNotRestart, handled: true }),
		},
		stdioOptions: { stdout: () => undefined, stderr: () => undefined }, // stderr is read in process.ts
		middleware: {
			executeCommand: (command, args, next) => {
				const own = o.clientCommands[command];
				return own ? commands.executeCommand(own, ...(args as unknown[])) : (next(command, args) as unknown);
			},
			window: {
				// In a remote window the address is the remote machine's: forward its port first.
				showDocument: async (params, token, next) => {
					if (params.external !== true) {
						return next(params, token);
					}
					return { success: await env.openExternal(await env.asExternalUri(Uri.parse(params.uri))) };
				},
			},
			workspace: {
				configuration: (params: ConfigurationParams) => answerConfiguration(params.items, scope => o.readSettings(scope)),
				// The server's section has no settings of its own in VS Code; changes are sent by the extension.
				didChangeConfiguration: () => Promise.resolve(),
			},
		},
	};
}
