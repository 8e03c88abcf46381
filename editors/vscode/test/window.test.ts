// What the parts do that speak with VS Code, which is stood in for by vscode.ts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Anvil as RealAnvil } from '../src/anvil';
import { ContextKeys } from '../src/contextKeys';
import { Debugging } from '../src/debug';
import { Statuses } from '../src/live/statuses';
import type { Anvil } from '../src/anvil';
import type { LogOutputChannel, Memento } from 'vscode';
import type { LaunchOptions } from '../src/server/client';
import type { Run } from '../src/server/supervisor';
import type { Status } from '../src/protocol';
import { startWhereItMatters } from '../src/activation';
import { ConfigurationTarget, editor, EventEmitter, window, workspace } from './vscode';

const status = (folder: string, more: Partial<Status> = {}): Status => ({ folder, state: 'live', generation: 3, url: 'http://127.0.0.1:8080', lastMs: 64, rung: '', message: '', paused: false, problems: 0, attached: false, ...more });

/** As much of Anvil as the parts ask for. */
function fakeAnvil() {
	const statuses = new Statuses();
	const changed = new EventEmitter<Status | undefined>();
	const reloaded = new EventEmitter<{ before: Status | undefined; now: Status }>();
	return {
		statuses,
		programs: { server: undefined as { command: string; args: string[] } | undefined, go: undefined },
		execute: () => Promise.reject(new Error('the server does not answer')),
		serverState: 'running',
		get status() {
			return statuses.foremost(window.activeTextEditor?.document.uri.toString());
		},
		onDidChange: changed.event,
		onDidReload: reloaded.event,
		tell(s: Status) {
			statuses.set(s);
			changed.fire(s);
		},
	};
}

function look(at: string | undefined): void {
	window.activeTextEditor = at === undefined ? undefined : { document: { uri: { scheme: 'file', toString: () => at } } };
	editor.activeEditor.fire(undefined);
}

async function until(condition: () => boolean): Promise<void> {
	for (let i = 0; !condition(); i++) {
		assert.ok(i < 100_000, `never happened; shown: ${editor.shown.join('; ')}`);
		await new Promise(resolve => setImmediate(resolve));
	}
}

beforeEach(() => {
	editor.executed = [];
	editor.shown = [];
	editor.updated = [];
	editor.attached = [];
	editor.picks.clear();
	window.activeTextEditor = undefined;
});

describe('context keys', () => {
	it('are those of the application in front', () => {
		const anvil = fakeAnvil();
		const keys = new ContextKeys(anvil as unknown as Anvil);
		const paused = () => editor.executed.filter(([c, key]) => c === 'setContext' && key === 'anvilLsp.paused').at(-1)?.[2];
		look('file:///ws/a/main.go');
		anvil.tell(status('file:///ws/a', { paused: true }));
		anvil.tell(status('file:///ws/b'));
		assert.equal(paused(), true);
		look('file:///ws/b/main.go');
		assert.equal(paused(), false);
		look('file:///ws/a/main.go');
		assert.equal(paused(), true);
		keys.dispose();
	});
});

const output = { info: () => undefined, warn: () => undefined, error: () => undefined } as unknown as LogOutputChannel;

describe('trust', () => {
	let dir = '';
	beforeEach(() => {
		dir = fs.mkdtempSync(path.join(os.tmpdir(), 'anvil-trust-'));
		fs.mkdirSync(path.join(dir, 'bin'));
		fs.writeFileSync(path.join(dir, 'bin/go'), '#!/bin/sh\n', { mode: 0o755 });
		process.env.GOROOT = dir; // there is a go command, whatever this machine has
		editor.settings.set('server.path', path.resolve('test/fakeServer.mjs'));
	});
	afterEach(() => {
		delete process.env.GOROOT;
		editor.settings.clear();
		workspace.isTrusted = true;
		fs.rmSync(dir, { recursive: true });
	});

	it('that is granted while the server starts reaches it', async () => {
		const told: unknown[] = [];
		let ready: (() => void) | undefined;
		let end: ((why: string) => void) | undefined;
		const client = {
			launch(o: LaunchOptions): Run {
				told.push({ atStart: workspace.isTrusted });
				ready = () => o.onReady({ request: () => Promise.reject(new Error('nothing is asked')), notify: (method, params) => Promise.resolve(void told.push({ method, params })) });
				return { ready: new Promise(() => undefined), ended: new Promise(resolve => (end = resolve)), stop: () => Promise.resolve(), kill: () => end?.('killed') };
			},
		};
		workspace.isTrusted = false;
		const anvil = new RealAnvil(output, output, { get: () => undefined } as unknown as Memento, () => Promise.resolve(client), {});
		await anvil.start();
		await until(() => ready !== undefined);
		workspace.isTrusted = true;
		editor.trust.fire(undefined);
		ready?.();
		assert.deepEqual(told, [{ atStart: false }, { method: 'anvil/trust', params: { trusted: true } }]);
		await anvil.stop();
		anvil.dispose();
	});
});

describe('debugging', () => {
	const session = { id: '1', name: 'Live server, generation 3', configuration: { anvilLiveServer: true, processId: 42 }, customRequest: () => Promise.reject(new Error('the adapter is gone')) };
	const folder = `file://${os.tmpdir()}`;
	const begin = () => {
		const anvil = fakeAnvil();
		anvil.tell(status(folder, { attached: true }));
		anvil.programs.server = { command: process.execPath, args: ['-e', 'console.log(JSON.stringify({ live: { pid: 42 } }))', '--'] };
		return { anvil, debugging: new Debugging(anvil as unknown as Anvil, output) };
	};

	it('says why it could not attach again', async () => {
		const { anvil, debugging } = begin();
		editor.picks.set('belongs to an anvil-lsp in another window or terminal', 'Attach Anyway');
		await debugging.attach();
		editor.startedSession.fire(session);
		// The process is another one now, and by then the server is gone.
		anvil.programs.server = undefined;
		editor.picks.set('no breakpoint is bound', 'Attach Again');
		editor.picks.set('belongs to an anvil-lsp', 'Attach Anyway');
		editor.endedSession.fire(session);
		await until(() => editor.shown.includes('Anvil: The live server does not tell its process id.'));
		debugging.dispose();
	});

	it('says why it could not go on', async () => {
		const { anvil, debugging } = begin();
		editor.picks.set('belongs to an anvil-lsp', 'Attach Anyway');
		await debugging.attach();
		editor.startedSession.fire(session);
		editor.observed?.({ type: 'event', event: 'stopped', body: { threadId: 1 } });
		editor.picks.set('stands at a breakpoint', 'Continue and Load');
		anvil.tell(status(folder, { state: 'building' }));
		await until(() => editor.shown.includes('Anvil: the adapter is gone'));
		debugging.dispose();
	});

	describe('of an optimized live server', () => {
		const app = `${folder}/app`;
		const turnOn = async () => {
			const { anvil, debugging } = begin();
			anvil.statuses.clear();
			fs.mkdirSync(dir, { recursive: true });
			anvil.tell(status(app));
			editor.picks.set('built with optimizations', 'Turn On and Restart');
			const attaching = debugging.attach();
			await until(() => editor.updated.length === 1);
			return { anvil, debugging, attaching };
		};
		const dir = app.replace('file://', '');
		afterEach(() => {
			workspace.workspaceFolders = undefined;
			fs.rmSync(dir, { recursive: true });
		});

		it('turns the setting on where the server reads it, and attaches to what is rebuilt', async () => {
			workspace.workspaceFolders = [{ uri: { scheme: 'file', fsPath: dir } }];
			const { anvil, debugging, attaching } = await turnOn();
			assert.deepEqual(editor.updated, [[app, 'debug', true, ConfigurationTarget.WorkspaceFolder]]);
			anvil.tell(status(app, { state: 'building' })); // a save, just before
			anvil.tell(status(app, { generation: 4 }));
			assert.deepEqual(editor.attached, []);
			anvil.tell(status(app, { state: 'starting', generation: 0 }));
			anvil.tell(status(app, { generation: 1 }));
			await attaching;
			assert.deepEqual(editor.attached, [42]);
			assert.equal(editor.shown.length, 1);
			debugging.dispose();
		});

		it('says why nothing is rebuilt', async () => {
			const { anvil, debugging, attaching } = await turnOn();
			assert.deepEqual(editor.updated, [[app, 'debug', true, ConfigurationTarget.Workspace]]);
			anvil.tell(status(app, { state: 'starting', generation: 0 }));
			anvil.tell(status(app, { state: 'off', generation: 0, message: '127.0.0.1:8080 is taken' }));
			await attaching;
			assert.deepEqual(editor.attached, []);
			assert.equal(editor.shown.at(-1), 'Anvil: the live server was not rebuilt for the debugger: 127.0.0.1:8080 is taken.');
			debugging.dispose();
		});
	});

	it('does not attach twice', async () => {
		const { debugging } = begin();
		editor.startedSession.fire(session);
		await debugging.attach();
		assert.deepEqual(editor.shown, ['Anvil: the debugger is attached already, to Live server, generation 3.']);
		assert.deepEqual(editor.executed.at(-1), ['workbench.view.debug']);
		debugging.dispose();
	});
});

describe('the tools of a workspace', () => {
	let dir = '';
	beforeEach(() => {
		dir = fs.mkdtempSync(path.join(os.tmpdir(), 'anvil-tools-'));
		fs.writeFileSync(path.join(dir, 'go.mod'), mod);
		fs.writeFileSync(path.join(dir, 'routes.go'), 'package main\n\nfunc AnvilRegisterRoutes(r *hotreload.RouteSink) {}\n');
		workspace.workspaceFolders = [{ uri: { scheme: 'file', fsPath: dir } }];
	});
	afterEach(() => {
		workspace.workspaceFolders = undefined;
		fs.rmSync(dir, { recursive: true });
	});
	const mod = 'module example.com/app\n\nrequire github.com/anvilforge/anvil-lsp/hotreload v0.1.0\n';
	const addTool = () => fs.appendFileSync(path.join(dir, 'go.mod'), '\ntool github.com/anvilforge/anvil-lsp/cmd/anvil-lsp\n');
	const begin = () => {
		const anvil = {
			toolDirs: [] as string[],
			serverState: 'stopped',
			/** The tools that were known at each start. */
			starts: [] as string[][],
			start: () => Promise.resolve(anvil.starts.push(anvil.toolDirs)),
			restart: () => anvil.start(),
		};
		const watch = startWhereItMatters(anvil as unknown as Anvil, { active: false, setActive: () => undefined } as unknown as ContextKeys, () => undefined);
		return { anvil, watch };
	};

	it('are looked for again before the server is restarted', async () => {
		const { anvil, watch } = begin();
		await until(() => anvil.starts.length === 1);
		addTool();
		await editor.registered.get('anvilLsp.restartServer')?.();
		assert.deepEqual(anvil.starts, [[], [dir]]);
		watch.dispose();
	});

	it('are taken as they come, where there was no program', async () => {
		const { anvil, watch } = begin();
		await until(() => anvil.starts.length === 1);
		anvil.serverState = 'missing';
		addTool();
		editor.moduleChanged.fire(undefined);
		await until(() => anvil.starts.length === 2);
		assert.deepEqual(anvil.starts, [[], [dir]]);
		watch.dispose();
	});
});
