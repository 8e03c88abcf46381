import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { duration, show } from '../src/live/format';
import { Rebuild, type Outcome } from '../src/live/rebuild';
import { Statuses } from '../src/live/statuses';
import type { LiveState, Status } from '../src/protocol';

const status = (state: LiveState, more: Partial<Status> = {}): Status => ({ folder: 'file:///app', state, generation: 12, url: 'http://127.0.0.1:8080', lastMs: 64, rung: 'hot-swap', message: '', paused: false, problems: 0, attached: false, ...more });

describe('the status bar', () => {
	const text = (...args: Parameters<typeof show>) => {
		const s = show(...args);
		return s.trouble === 'none' ? s.text : `${s.text} (${s.trouble})`;
	};

	it('shows generation and duration, and colour only for trouble', () => {
		assert.equal(text('running', status('live'), true), '⚒ gen 12 · 64 ms');
		assert.equal(text('running', status('live', { lastMs: 0 }), true), '⚒ gen 12');
		assert.equal(text('running', status('live', { paused: true }), true), '⚒ gen 12 · paused');
		assert.equal(text('running', status('building'), true), '⚒ gen 12 $(loading~spin)');
		assert.equal(text('running', status('building', { generation: 0 }), true), '⚒ $(loading~spin) building');
		assert.equal(text('running', status('restarting'), true), '⚒ gen 12 $(loading~spin) restarting');
		assert.equal(text('running', status('starting', { generation: 0 }), true), '⚒ $(loading~spin) starting');
		assert.equal(text('running', status('kept'), true), '⚒ gen 12 · kept (warning)');
		assert.equal(text('running', status('down', { generation: 0 }), true), '⚒ down (error)');
		assert.equal(text('running', status('off', { generation: 0 }), true), '⚒ off');
	});

	it('shows the server while that does not run, and trust', () => {
		assert.equal(text('missing', undefined, true), '⚒ anvil-lsp missing (warning)');
		assert.equal(text('badPath', undefined, true), '⚒ anvil-lsp unusable (warning)');
		assert.match(show('badPath', undefined, true).tooltip, /^The path in anvilLsp\.server\.path cannot be used/);
		assert.equal(text('failed', undefined, true), '⚒ no server (error)');
		assert.equal(text('starting', status('live'), true), '⚒ $(loading~spin)');
		assert.equal(text('running', status('off'), false), '⚒ not trusted');
		assert.equal(text('running', undefined, true), '⚒ no application yet');
		assert.match(show('running', undefined, true).tooltip, /AnvilRegisterRoutes.*hotreload\.LiveServer/);
	});

	it('explains in the tooltip', () => {
		const counts = { hot_swaps: 1, restarts: 2, kept: 0, crashes: 0, panics: 1, predicted: 0, mispredicted: 0 };
		const tip = show('running', status('kept', { message: 'does not compile', problems: 2, attached: true, counts }), true).tooltip;
		assert.equal(
			tip,
			[
				'The newest code was not taken; generation 12 keeps serving on http://127.0.0.1:8080.',
				'does not compile',
				'2 findings in Problems.',
				'The engine runs in another window or terminal; this window is attached to it.',
				'1 swap, 2 restarts, 0 kept, 1 panic, 0 crashes',
			].join('\n\n'),
		);
	});

	it('writes durations as people do', () => assert.deepEqual([0.4, 64.2, 999, 1234].map(duration), ['0 ms', '64 ms', '999 ms', '1.2 s']));
});

describe('statuses of several folders', () => {
	it('speak of the folder in front, else of the one in trouble', () => {
		const s = new Statuses();
		assert.equal(s.foremost(undefined), undefined);
		s.set(status('live', { folder: 'file:///ws/a' }));
		s.set(status('kept', { folder: 'file:///ws/b' }));
		s.set(status('live', { folder: 'file:///ws/a/inner' }));
		assert.equal(s.foremost('file:///ws/a/x.go')?.folder, 'file:///ws/a');
		assert.equal(s.foremost('file:///ws/a/inner/x.go')?.folder, 'file:///ws/a/inner');
		assert.equal(s.foremost('file:///ws/ab/x.go')?.folder, 'file:///ws/b');
		assert.equal(s.foremost(undefined)?.folder, 'file:///ws/b');
	});
});

describe('a rebuild because of a setting', () => {
	const outcome = (...all: Status[]) => {
		const r = new Rebuild();
		return all.map(s => r.next(s)).find((o): o is Exclude<Outcome, 'waiting'> => o !== 'waiting') ?? 'waiting';
	};
	const starting = status('starting', { generation: 0 });
	const building = status('building', { generation: 0 });

	it('is over when the new process serves, and not before', () => {
		assert.equal(outcome(status('live'), status('building'), status('live', { generation: 13 })), 'waiting', 'a save came first');
		assert.equal(outcome(status('live'), starting, building, status('live', { generation: 1 })), 'live');
		assert.equal(outcome(building, status('live', { generation: 1 })), 'live', 'a status may be replaced by a newer one');
	});

	it('fails with words for it', () => {
		assert.deepEqual(outcome(starting, status('off', { generation: 0, message: '127.0.0.1:8080 is taken' })), { failed: '127.0.0.1:8080 is taken' });
		assert.deepEqual(outcome(starting, building, status('down', { generation: 0 })), { failed: 'it is down' });
		assert.deepEqual(outcome(starting, building, status('kept', { generation: 0 })), { failed: 'the code does not load' });
		assert.deepEqual(outcome(starting, status('live', { attached: true })), { failed: 'its engine belongs to another window or terminal' });
	});
});
