// A stand-in for the parts of VS Code's API that the tested modules use: what they ask for can be answered, what they do is kept.

export class EventEmitter<T> {
	private readonly listeners = new Set<(e: T) => void>();
	readonly event = (f: (e: T) => void) => {
		this.listeners.add(f);
		return { dispose: () => this.listeners.delete(f) };
	};
	fire(e: T): void {
		for (const f of [...this.listeners]) {
			f(e);
		}
	}
	dispose(): void {
		this.listeners.clear();
	}
}

/** What a test looks at and decides. */
export const editor = {
	/** Commands that were executed, with their arguments. */
	executed: [] as unknown[][],
	/** Processes that the debugger attached to. */
	attached: [] as number[],
	/** Messages that were shown. */
	shown: [] as string[],
	/** The button that is picked in the message whose text it stands in. */
	picks: new Map<string, string>(),
	activeEditor: new EventEmitter<undefined>(),
	trust: new EventEmitter<undefined>(),
	configuration: new EventEmitter<{ affectsConfiguration(section: string): boolean }>(),
	/** Settings that were written: scope, key, value, target. */
	updated: [] as unknown[][],
	/** The settings below anvilLsp. */
	settings: new Map<string, unknown>(),
	folders: new EventEmitter<undefined>(),
	saved: new EventEmitter<unknown>(),
	/** A go.mod was written. */
	moduleChanged: new EventEmitter<undefined>(),
	/** Commands that were registered. */
	registered: new Map<string, (argument?: unknown) => unknown>(),
	startedSession: new EventEmitter<unknown>(),
	endedSession: new EventEmitter<unknown>(),
	/** Tells the debug adapter's tracker a message. */
	observed: undefined as ((message: unknown) => void) | undefined,
};

const message = (text: string, ...buttons: unknown[]) => {
	editor.shown.push(text);
	for (const [part, button] of editor.picks) {
		if (text.includes(part) && buttons.includes(button)) {
			editor.picks.delete(part);
			return Promise.resolve(button);
		}
	}
	return Promise.resolve(undefined);
};

export const commands = {
	executeCommand: (...args: unknown[]) => {
		editor.executed.push(args);
		return Promise.resolve();
	},
	registerCommand: (name: string, f: (argument?: unknown) => unknown) => {
		editor.registered.set(name, f);
		return { dispose: () => editor.registered.delete(name) };
	},
};

export const window = {
	activeTextEditor: undefined as { document: { uri: { scheme: string; toString(): string } } } | undefined,
	onDidChangeActiveTextEditor: editor.activeEditor.event,
	showErrorMessage: message,
	withProgress: (_: unknown, f: (progress: unknown, token: unknown) => Promise<unknown>) => f({}, { onCancellationRequested: () => undefined }),
	showInformationMessage: message,
	showWarningMessage: message,
};

export const workspace = {
	isTrusted: true,
	workspaceFolders: undefined as { uri: { scheme: string; fsPath: string } }[] | undefined,
	onDidChangeConfiguration: editor.configuration.event,
	onDidGrantWorkspaceTrust: editor.trust.event,
	onDidChangeWorkspaceFolders: editor.folders.event,
	onDidSaveTextDocument: editor.saved.event,
	createFileSystemWatcher: () => ({ onDidCreate: editor.moduleChanged.event, onDidChange: new EventEmitter().event, onDidDelete: new EventEmitter().event, dispose: () => undefined }),
	getConfiguration: (_section?: string, scope?: { toString(): string }) => ({
		get: (key: string, fallback?: unknown) => editor.settings.get(key) ?? fallback,
		update: (key: string, value: unknown, target: number) => {
			editor.updated.push([scope?.toString(), key, value, target]);
			return Promise.resolve();
		},
	}),
	getWorkspaceFolder: (uri: { fsPath: string }) => workspace.workspaceFolders?.find(f => uri.fsPath === f.uri.fsPath || uri.fsPath.startsWith(`${f.uri.fsPath}/`)),
};

export const debug = {
	breakpoints: [],
	onDidStartDebugSession: editor.startedSession.event,
	onDidTerminateDebugSession: editor.endedSession.event,
	registerDebugAdapterTrackerFactory: (_: string, factory: { createDebugAdapterTracker(s: unknown): { onDidSendMessage(m: unknown): void } | undefined }) => {
		editor.observed = m => factory.createDebugAdapterTracker({ configuration: { anvilLiveServer: true } })?.onDidSendMessage(m);
		return { dispose: () => undefined };
	},
	startDebugging: (_folder: unknown, configuration: { processId: number }) => {
		editor.attached.push(configuration.processId);
		return Promise.resolve(true);
	},
};

export const extensions = { getExtension: () => ({}) };

export const Disposable = {
	from: (...all: { dispose(): unknown }[]) => ({ dispose: () => all.forEach(d => d.dispose()) }),
};

export const Uri = { parse: (text: string) => ({ scheme: text.split(':')[0], fsPath: text.replace(/^file:\/\//, ''), toString: () => text }) };

export const ConfigurationTarget = { Global: 1, Workspace: 2, WorkspaceFolder: 3 };
export const ProgressLocation = { Notification: 15 };
export class SourceBreakpoint {
	constructor(readonly location: unknown) {}
}
