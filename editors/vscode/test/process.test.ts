// The fake server as a process, spoken to by the protocol's own library.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { Backoff } from '../src/server/backoff';
import { findServer } from '../src/server/locate';
import { thisMachine } from '../src/server/machine';
import type { Problem } from '../src/server/problems';
import { startProcess, withGo } from '../src/server/process';
import { Supervisor, type Run } from '../src/server/supervisor';
import type { Status } from '../src/protocol';

const fake = path.resolve('test/fakeServer.mjs');

/** Runs the supervisor on real processes of the fake server. */
async function supervise(mode: string, o: { startTimeout?: number } = {}) {
	const problems: Problem[] = [];
	const statuses: Status[] = [];
	const stderr: string[] = [];
	let starts = 0;
	let pid: number | undefined;
	const wake: (() => void)[] = [];
	const found = await findServer(thisMachine, { setting: fake, go: undefined, toolDirs: [] });
	assert.equal(found.program?.version, 'v0.1.0');
	const supervisor = new Supervisor({
		find: () => Promise.resolve(found.program ?? { kind: 'missing', rejected: [] }),
		launch: program => {
			starts++;
			process.env.FAKE_MODE = mode;
			const proc = startProcess(program, undefined, undefined, line => stderr.push(line));
			delete process.env.FAKE_MODE;
			pid = proc.child.pid;
			const c = createMessageConnection(new StreamMessageReader(proc.child.stdout), new StreamMessageWriter(proc.child.stdin));
			c.onError(() => undefined);
			c.onNotification('anvil/status', (s: Status) => {
				statuses.push(s);
				wake.splice(0).forEach(f => f());
			});
			c.listen();
			const ready = c.sendRequest('initialize', { rootUri: 'file:///app', capabilities: {} }).then(() => c.sendNotification('initialized', {}));
			const run: Run = {
				ready,
				ended: proc.ended.finally(() => c.dispose()),
				kill: () => proc.kill(),
				async stop() {
					await c.sendRequest('shutdown');
					await c.sendNotification('exit');
					await proc.ended;
				},
			};
			return run;
		},
		onState: (_s, p) => {
			if (p) {
				problems.push(p);
			}
			wake.splice(0).forEach(f => f());
		},
		log: () => undefined,
		backoff: new Backoff({ delays: [0, 1], healthyAfter: 60_000 }),
		...o,
	});
	await supervisor.start();
	return {
		supervisor,
		problems,
		statuses,
		stderr,
		starts: () => starts,
		pid: () => pid ?? 0,
		until: async (condition: () => boolean) => {
			while (!condition()) {
				await new Promise<void>(resolve => wake.push(resolve));
			}
		},
	};
}

function alive(pid: number): boolean {
	try {
		process.kill(pid, 0);
	} catch {
		return false;
	}
	// One whose end nobody has asked for yet has ended, too.
	const stat = `/proc/${String(pid)}/stat`;
	return !(fs.existsSync(stat) && /^\d+ \(.*\) Z/.test(fs.readFileSync(stat, 'utf8')));
}

describe('a server process', () => {
	it('is initialized, goes live, and shuts down', async () => {
		const s = await supervise('');
		await s.until(() => s.statuses.some(x => x.state === 'live'));
		assert.deepEqual(
			s.statuses.map(x => [x.state, x.generation]),
			[
				['starting', 0],
				['live', 1],
			],
		);
		await s.supervisor.stop();
		assert.throws(() => process.kill(s.pid(), 0), 'it is gone');
		assert.deepEqual(s.problems, []);
	});

	it('that is killed comes back', async () => {
		const s = await supervise('');
		await s.until(() => s.supervisor.state === 'running');
		const first = s.pid();
		process.kill(first, 'SIGKILL');
		await s.until(() => s.pid() !== first && s.supervisor.state === 'running');
		assert.deepEqual([s.starts(), s.problems], [2, []]);
		await s.supervisor.stop();
	});

	it('that crashes after each start is given up with its last words', async () => {
		const s = await supervise('crash');
		await s.until(() => s.problems.length > 0);
		assert.deepEqual(s.problems, [{ kind: 'gaveUp', times: 3, why: 'exit status 2: panic: everything is wrong' }]);
		assert.equal(s.starts(), 3);
		assert.equal(s.stderr.length, 3);
	});

	it('that never answers initialize is ended', async () => {
		const s = await supervise('silent', { startTimeout: 200 });
		await s.until(() => s.problems.length > 0);
		assert.deepEqual(s.problems, [{ kind: 'silent', what: fake, seconds: 0.2 }]);
		assert.throws(() => process.kill(s.pid(), 0), 'it is gone');
	});

	it('that is not a language server says so', async () => {
		const s = await supervise('stillborn');
		await s.until(() => s.problems.length > 0);
		assert.deepEqual(s.problems, [{ kind: 'stillborn', what: fake, why: 'exit status 2: anvil-lsp: unknown flag: --stdio' }]);
	});

	it('that cannot be started is an end like any other', async () => {
		const p = startProcess({ command: '/nowhere/anvil-lsp', args: [], from: '', version: '' }, undefined, undefined, () => undefined);
		assert.match(await p.ended, /could not be started: .*ENOENT/);
	});

	it('that go tool started ends with it', async () => {
		// Like the go command: it waits for the program, which has its standard output. Two programs that hang, and one wrapper.
		const program = ['-e', 'process.on("SIGTERM", () => {}); process.stdout.write("up " + process.pid); setInterval(() => {}, 1e6)'];
		const wrapper = `const c = require("child_process").spawn(process.execPath, ${JSON.stringify(program)}, { stdio: "inherit" }); setInterval(() => {}, 1e6)`;
		const p = startProcess({ command: process.execPath, args: ['-e', wrapper, '--'], from: '', version: '' }, undefined, undefined, () => undefined);
		const pid = await new Promise<number>(resolve => p.child.stdout.once('data', (text: Buffer) => resolve(Number(text.toString().slice(3)))));
		p.kill();
		assert.equal(await p.ended, 'signal SIGKILL');
		while (alive(pid)) {
			await new Promise(resolve => setImmediate(resolve)); // until init has seen its end
		}
	});

	it('has ended though something else keeps its output open', async () => {
		const orphan = 'setInterval(() => {}, 1e6)';
		const program = `const c = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(orphan)}], { stdio: "inherit", detached: true }); console.error(c.pid); process.exit(3)`;
		let pid = 0;
		const p = startProcess({ command: process.execPath, args: ['-e', program, '--'], from: '', version: '' }, undefined, undefined, line => (pid = Number(line)));
		assert.match(await p.ended, /^exit status 3: \d+$/);
		assert.ok(alive(pid));
		process.kill(pid, 'SIGKILL');
	});

	it('gets the go command on its PATH, behind all else', () => {
		assert.equal(withGo({ PATH: '/bin' }, '/opt/go/bin/go').PATH, '/bin:/opt/go/bin');
		assert.equal(withGo({ PATH: '/bin' }, '/bin/go').PATH, '/bin');
		assert.equal(withGo({ PATH: '/bin' }, undefined).PATH, '/bin');
	});
});

describe('this machine', () => {
	it('tells executables from files and folders', async () => {
		const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'anvil-machine-'));
		fs.writeFileSync(path.join(dir, 'plain'), '');
		assert.deepEqual(await Promise.all([fake, path.join(dir, 'plain'), dir, path.join(dir, 'none')].map(p => thisMachine.executable(p))), [true, false, false, false]);
		fs.rmSync(dir, { recursive: true });
	});

	it('says why a program did not run', async () => {
		const why = (command: string, args: string[], timeout = 10_000) =>
			thisMachine.run(command, args, { timeout }).then(
				() => 'ran',
				(err: unknown) => (err as Error).message,
			);
		assert.equal(await why('/nowhere', []), 'does not exist');
		assert.equal(await why(path.resolve('package.json'), []), 'may not be executed');
		assert.equal(await why(process.execPath, ['-e', 'console.error("one\\ntwo"); process.exit(3)']), 'two');
		assert.equal(await why(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], 100), 'did not answer within 0.1 s');
	});
});
