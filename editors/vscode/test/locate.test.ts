import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findGo, findServer, type Machine } from '../src/server/locate';
import { parseVersion, tooOld } from '../src/server/version';

/** A machine with these programs; each says what it prints for --version, or the error it ends with. */
function machine(programs: Record<string, string | Error>, env: Record<string, string> = {}): Machine & { ran: string[] } {
	const ran: string[] = [];
	return {
		ran,
		env: { PATH: '/bin:/usr/bin', ...env },
		home: '/home/ada',
		platform: 'linux',
		executable: p => Promise.resolve(p in programs),
		run(command, args, { cwd }) {
			ran.push([...(cwd ? [`(${cwd})`] : []), command, ...args].join(' '));
			if (args[0] === 'env') {
				return Promise.resolve({ stdout: `${env['go env GOBIN'] ?? ''}\n${env['go env GOPATH'] ?? '/home/ada/go'}\n`, stderr: '' });
			}
			const answer = programs[args[0] === 'tool' ? `${cwd ?? ''} go tool` : command];
			return answer === undefined ? Promise.reject(new Error('does not exist')) : answer instanceof Error ? Promise.reject(answer) : Promise.resolve({ stdout: answer, stderr: '' });
		},
	};
}

const ok = (v = 'v0.1.0') => `anvil-lsp ${v} go1.26.8 linux/amd64 revision 0123456789ab\n`;
const where = { setting: '', go: '/usr/bin/go', toolDirs: [] };

describe('findServer', () => {
	it('takes PATH before GOBIN before GOPATH/bin before go tool', async () => {
		const all = { '/usr/bin/anvil-lsp': ok(), '/gobin/anvil-lsp': ok(), '/home/ada/go/bin/anvil-lsp': ok(), '/ws go tool': ok() };
		const env = { 'go env GOBIN': '/gobin' };
		const w = { ...where, toolDirs: ['/ws'] };
		const order: (string | undefined)[] = [];
		for (const gone of Object.keys(all)) {
			order.push((await findServer(machine(all, env), w)).program?.from);
			// eslint-disable-next-line @typescript-eslint/no-dynamic-delete
			delete (all as Record<string, string>)[gone];
		}
		assert.deepEqual(order, ['PATH', 'GOBIN', 'GOPATH/bin', 'go tool in /ws']);
		assert.deepEqual(await findServer(machine(all, env), { ...w, toolDirs: [] }), { rejected: [] });
	});

	it('starts go tool in the module that has the tool', async () => {
		const { program } = await findServer(machine({ '/ws/app go tool': ok() }), { ...where, toolDirs: ['/ws/app'] });
		assert.deepEqual(program, { command: '/usr/bin/go', args: ['tool', 'anvil-lsp'], cwd: '/ws/app', from: 'go tool in /ws/app', version: 'v0.1.0' });
	});

	it('takes the setting at its word', async () => {
		const m = machine({ '/usr/bin/anvil-lsp': ok(), '/home/ada/bin/anvil-lsp': ok('v0.2.0') });
		assert.equal((await findServer(m, { ...where, setting: '~/bin/anvil-lsp' })).program?.version, 'v0.2.0');
		const found = await findServer(m, { ...where, setting: '/nowhere/anvil-lsp' });
		assert.equal(found.program, undefined);
		assert.deepEqual(found.rejected, [{ what: '/nowhere/anvil-lsp', from: 'the setting anvilLsp.server.path', why: 'does not exist' }]);
	});

	it('goes on to the next place when one is old, broken or something else', async () => {
		const m = machine({ '/bin/anvil-lsp': ok('v0.0.3'), '/gobin/anvil-lsp': 'blacksmith 3', '/home/ada/go/bin/anvil-lsp': ok('v0.3.1') }, { 'go env GOBIN': '/gobin' });
		const found = await findServer(m, where);
		assert.equal(found.program?.from, 'GOPATH/bin');
		assert.deepEqual(
			found.rejected.map(r => [r.what, r.why, r.tooOld]),
			[
				['/bin/anvil-lsp', 'is version v0.0.3', 'v0.0.3'],
				['/gobin/anvil-lsp', 'is not anvil-lsp: --version does not print its name', undefined],
			],
		);
	});

	it('asks go outside of the workspace, and does without it', async () => {
		const m = machine({ '/home/ada/go/bin/anvil-lsp': ok() });
		await findServer(m, { ...where, toolDirs: ['/ws'] });
		assert.ok(m.ran.includes('(/home/ada) /usr/bin/go env GOBIN GOPATH'));
		assert.equal((await findServer(machine({ '/x/bin/anvil-lsp': ok() }, { GOPATH: '/x' }), { ...where, go: undefined })).program?.command, '/x/bin/anvil-lsp');
	});

	it('never looks in a relative directory of PATH, which would be the workspace', async () => {
		const found = await findServer(machine({ 'anvil-lsp': ok(), 'bin/anvil-lsp': ok(), './anvil-lsp': ok() }, { PATH: '.:bin::' }), where);
		assert.deepEqual(found, { rejected: [] });
	});
});

describe('findGo', () => {
	it('looks on PATH, in GOROOT and at the installer’s place', async () => {
		assert.equal(await findGo(machine({ '/usr/bin/go': '', '/usr/local/go/bin/go': '' })), '/usr/bin/go');
		assert.equal(await findGo(machine({ '/opt/go/bin/go': '', '/usr/local/go/bin/go': '' }, { GOROOT: '/opt/go' })), '/opt/go/bin/go');
		assert.equal(await findGo(machine({ '/usr/local/go/bin/go': '' })), '/usr/local/go/bin/go');
		assert.equal(await findGo(machine({})), undefined);
	});
});

describe('version', () => {
	it('is read from --version', () => {
		assert.equal(parseVersion('anvil-lsp (devel) go1.26.8 linux/amd64 revision 0123456789ab, modified\n'), '(devel)');
		assert.equal(parseVersion(ok('v1.2.3')), 'v1.2.3');
		assert.equal(parseVersion('gopls v0.20.0'), undefined);
	});

	it('is compared by numbers; builds from a checkout are never too old', () => {
		const old = ['v0.9.9', 'v0.10.0', 'v0.10.1', 'v1.0.0', 'v0.0.1-alpha', '(devel)', 'v0.0.0-20260102150405-abcdefabcdef', 'v0.9.10-0.20260102150405-abcdefabcdef'].filter(v => tooOld(v, '0.10.1'));
		assert.deepEqual(old, ['v0.9.9', 'v0.10.0', 'v0.0.1-alpha', 'v0.9.10-0.20260102150405-abcdefabcdef']);
	});
});
