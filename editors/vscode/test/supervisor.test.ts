import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backoff } from '../src/server/backoff';
import type { ServerProgram } from '../src/server/locate';
import type { Problem } from '../src/server/problems';
import { Supervisor, type Run, type SupervisorOptions } from '../src/server/supervisor';

const program: ServerProgram = { command: '/bin/anvil-lsp', args: [], from: 'PATH', version: 'v0.1.0' };

/** A run that the test decides about. */
class FakeRun implements Run {
	ready: Promise<void>;
	ended: Promise<string>;
	answer!: () => void;
	refuse!: (err: Error) => void;
	end!: (why: string) => void;
	stops = 0;
	kills = 0;
	constructor() {
		this.ready = new Promise((resolve, reject) => {
			this.answer = resolve;
			this.refuse = reject;
		});
		this.ready.catch(() => undefined);
		this.ended = new Promise(resolve => (this.end = resolve));
	}
	stop(): Promise<void> {
		this.stops++;
		this.end('exit status 0');
		return Promise.resolve();
	}
	kill(): void {
		this.kills++;
		this.end('signal SIGKILL');
	}
}

/** A supervisor whose time and runs the test controls. */
function world(o: Partial<SupervisorOptions> = {}) {
	const w = {
		states: [] as string[],
		problems: [] as Problem[],
		runs: [] as FakeRun[],
		sleeps: [] as { ms: number; wake: () => void }[],
		time: 0,
		supervisor: undefined as unknown as Supervisor,
		/** Waits until the condition holds. */
		until: async (condition: () => boolean) => {
			for (let i = 0; !condition(); i++) {
				assert.ok(i < 10_000, `never happened; states: ${w.states.join(' ')}`);
				await new Promise(resolve => setImmediate(resolve));
			}
		},
		run: async (n: number) => {
			await w.until(() => w.runs.length >= n);
			const run = w.runs[n - 1];
			assert.ok(run);
			return run;
		},
	};
	w.supervisor = new Supervisor({
		find: () => Promise.resolve(program),
		launch: () => {
			const r = new FakeRun();
			w.runs.push(r);
			return r;
		},
		onState: (s, p) => {
			w.states.push(s);
			if (p) {
				w.problems.push(p);
			}
		},
		log: () => undefined,
		backoff: new Backoff({ delays: [0, 100], healthyAfter: 1000 }),
		now: () => w.time,
		sleep: (ms, signal) =>
			new Promise(resolve => {
				const wake = () => {
					signal.removeEventListener('abort', wake);
					resolve();
				};
				w.sleeps.push({ ms, wake });
				signal.addEventListener('abort', wake);
				if (ms === 0) {
					wake();
				}
			}),
		...o,
	});
	return w;
}

describe('Supervisor', () => {
	it('starts once, however often it is asked, and stops by the protocol', async () => {
		const w = world();
		await Promise.all([w.supervisor.start(), w.supervisor.start()]);
		(await w.run(1)).answer();
		await w.until(() => w.supervisor.state === 'running');
		await w.supervisor.stop();
		assert.deepEqual(w.states, ['finding', 'starting', 'running', 'stopped']);
		assert.deepEqual([w.runs.length, w.runs[0]?.stops, w.runs[0]?.kills], [1, 1, 0]);
	});

	it('starts a server that died again, with growing delays, then says so once and lets it be', async () => {
		const w = world();
		await w.supervisor.start();
		for (let n = 1; n <= 3; n++) {
			const run = await w.run(n);
			run.answer();
			await w.until(() => w.supervisor.state === 'running');
			run.end('exit status 2: panic: oh');
			await w.until(() => w.supervisor.state !== 'running');
			if (n === 2) {
				await w.until(() => w.sleeps.some(s => s.ms === 100));
				w.sleeps.find(s => s.ms === 100)?.wake();
			}
		}
		await w.until(() => w.supervisor.state === 'failed');
		assert.deepEqual(w.problems, [{ kind: 'gaveUp', times: 3, why: 'exit status 2: panic: oh' }]);
		assert.equal(w.runs.length, 3);
		// The user asks for it: a fresh start.
		await w.supervisor.restart();
		(await w.run(4)).answer();
		await w.until(() => w.supervisor.state === 'running');
		await w.supervisor.stop();
	});

	it('forgets a crash after a long good run', async () => {
		const w = world();
		await w.supervisor.start();
		for (let n = 1; n <= 6; n++) {
			const run = await w.run(n);
			run.answer();
			await w.until(() => w.supervisor.state === 'running');
			w.time += 5000;
			run.end('signal SIGKILL');
			await w.until(() => w.runs.length === n + 1);
		}
		assert.deepEqual(w.problems, []);
		(await w.run(7)).answer();
		await w.supervisor.stop();
	});

	it('counts the ends in a row, without the good runs before', async () => {
		const w = world();
		await w.supervisor.start();
		for (let n = 1; n <= 5; n++) {
			const run = await w.run(n);
			run.answer();
			await w.until(() => w.supervisor.state === 'running');
			w.time += n <= 3 ? 5000 : 0;
			run.end('exit status 1');
			await w.until(() => w.supervisor.state !== 'running');
			if (n === 4) {
				await w.until(() => w.sleeps.some(s => s.ms === 100));
				w.sleeps.find(s => s.ms === 100)?.wake();
			}
		}
		await w.until(() => w.supervisor.state === 'failed');
		assert.deepEqual(w.problems, [{ kind: 'gaveUp', times: 3, why: 'exit status 1' }]);
	});

	it('ends a server that never answers initialize, with one message and no second try', async () => {
		const w = world({ startTimeout: 5000 });
		await w.supervisor.start();
		await w.run(1);
		await w.until(() => w.sleeps.length === 1);
		w.sleeps[0]?.wake();
		await w.until(() => w.supervisor.state === 'failed');
		assert.deepEqual(w.problems, [{ kind: 'silent', what: '/bin/anvil-lsp', seconds: 5 }]);
		assert.deepEqual([w.runs.length, w.runs[0]?.kills], [1, 1]);
	});

	it('tells why a server ended before it was ready, or refused to be', async () => {
		for (const how of ['ends', 'refuses'] as const) {
			const w = world();
			await w.supervisor.start();
			const run = await w.run(1);
			if (how === 'ends') {
				run.end('exit status 2: unknown flag: --stdio');
			} else {
				run.refuse(new Error('no'));
			}
			await w.until(() => w.supervisor.state === 'failed');
			const why = how === 'ends' ? 'exit status 2: unknown flag: --stdio' : 'signal SIGKILL';
			assert.deepEqual(w.problems, [{ kind: 'stillborn', what: '/bin/anvil-lsp', why }]);
			assert.equal(w.runs.length, 1);
		}
	});

	it('says once that there is nothing to start', async () => {
		const w = world({ find: () => Promise.resolve({ kind: 'missing', rejected: [] }) });
		await w.supervisor.start();
		await w.until(() => w.supervisor.state === 'missing');
		assert.deepEqual([w.problems.length, w.runs.length], [1, 0]);
	});

	it('tells a bad setting from a missing program', async () => {
		const w = world({ find: () => Promise.resolve({ kind: 'setting', what: '/x', why: 'does not exist' }) });
		await w.supervisor.start();
		await w.until(() => w.supervisor.state === 'badPath');
		assert.deepEqual([w.problems.length, w.runs.length], [1, 0]);
	});

	it('can be stopped at any time', async () => {
		const w = world();
		await w.supervisor.start(); // while it starts
		await w.run(1);
		await w.supervisor.stop();
		assert.equal(w.runs[0]?.kills, 1);
		await w.supervisor.start(); // while it waits for the next try
		for (const n of [2, 3]) {
			const run = await w.run(n);
			run.answer();
			await w.until(() => w.supervisor.state === 'running');
			run.end('exit status 1');
			await w.until(() => w.supervisor.state !== 'running');
		}
		await w.until(() => w.supervisor.state === 'waiting');
		await w.supervisor.stop();
		assert.equal(w.supervisor.state, 'stopped');
		assert.equal(w.runs.length, 3);
		assert.deepEqual(w.problems, []);
	});
});
