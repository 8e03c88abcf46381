// What the parts do that speak with VS Code, which is stood in for by vscode.ts.
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ContextKeys } from '../src/contextKeys';
import { Statuses } from '../src/live/statuses';
import type { Anvil } from '../src/anvil';
import type { Status } from '../src/protocol';
import { editor, EventEmitter, window } from './vscode';

const status = (folder: string, more: Partial<Status> = {}): Status => ({ folder, state: 'live', generation: 3, url: 'http://127.0.0.1:8080', lastMs: 64, rung: '', message: '', paused: false, problems: 0, attached: false, ...more });

/** As much of Anvil as the parts ask for. */
function fakeAnvil() {
	const statuses = new Statuses();
	const changed = new EventEmitter<Status | undefined>();
	const reloaded = new EventEmitter<{ before: Status | undefined; now: Status }>();
	return {
		statuses,
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

beforeEach(() => {
	editor.executed = [];
	editor.shown = [];
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
