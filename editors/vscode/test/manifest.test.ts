// package.json against the code and the documentation.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { serverCommandsDoneHere } from '../src/commandNames';
import { ServerCommands } from '../src/protocol';
import { answerConfiguration, leaveToGopls, readSettings, serverSettings } from '../src/settings';

type Property = { type: string; default: unknown; scope: string; description?: string; markdownDescription?: string; enum?: string[]; enumDescriptions?: string[] };
type Package = {
	name: string;
	version: string;
	dependencies: Record<string, string>;
	capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
	contributes: {
		commands: { command: string; title: string }[];
		keybindings: { command: string; key: string; when: string }[];
		menus: Record<string, { command: string; when: string }[]>;
		configuration: { properties: Record<string, Property> };
		viewsWelcome: { contents: string; when: string }[];
		walkthroughs: { steps: { description: string; media: { markdown: string }; completionEvents: string[] }[] }[];
	};
};
const pkg = JSON.parse(fs.readFileSync('package.json', 'utf8')) as Package;
const source = fs
	.readdirSync('src', { recursive: true, encoding: 'utf8' })
	.filter(f => f.endsWith('.ts'))
	.map(f => fs.readFileSync(path.join('src', f), 'utf8'))
	.join('\n');
const properties = pkg.contributes.configuration.properties;

describe('settings', () => {
	it('in package.json are those that the server knows, with its defaults, and two of the extension', () => {
		const own = ['server.path', 'trace.server'];
		const defaults = Object.fromEntries(Object.entries(properties).map(([k, p]) => [k.replace(/^anvilLsp\./, ''), p.default] as const).filter(([k]) => !own.includes(k)),
		) as unknown;
		assert.deepEqual(defaults, serverSettings);
		assert.ok(own.every(k => `anvilLsp.${k}` in properties));
	});

	it('are those that docs/lsp.md lists', () => {
		const table = /## Settings\n([\s\S]*?)\n## /.exec(fs.readFileSync('../../docs/lsp.md', 'utf8'))?.[1] ?? '';
		const documented = [...table.matchAll(/^\| `(\w+)` \| `([^`]*)` \|/gm)].map(([, key, value]) => [key, JSON.parse(value ?? '') as unknown]);
		assert.deepEqual(Object.fromEntries(documented), serverSettings);
	});

	it('are those of the server’s own code', () => {
		const struct = /type Settings struct \{([^}]*)\}/.exec(fs.readFileSync('../../lspserver/internal/view/settings.go', 'utf8'))?.[1] ?? '';
		const server = [...struct.matchAll(/^\s+\w+\s+(\S+)\s+`json:"(\w+)"`/gm)].map(([, type, name]) => [name, { string: 'string', bool: 'boolean', int: 'integer', '[]string': 'array' }[type ?? '']]);
		assert.deepEqual(
			server,
			Object.keys(serverSettings).map(k => [k, properties[`anvilLsp.${k}`]?.type]),
		);
	});

	it('are all described, and so is each value of a choice', () => {
		for (const [key, p] of Object.entries(properties)) {
			assert.ok((p.markdownDescription ?? p.description ?? '').length > 20, key);
			assert.equal(p.enum?.length, p.enumDescriptions?.length, key);
		}
	});

	it('of a workspace never name a program, and what goes into a build waits for trust', () => {
		assert.equal(properties['anvilLsp.server.path']?.scope, 'machine');
		const restricted = pkg.capabilities.untrustedWorkspaces.restrictedConfigurations;
		for (const key of ['autoStart', 'address', 'main', 'cwd', 'tags', 'race', 'debug', 'args']) {
			assert.ok(restricted.includes(`anvilLsp.${key}`), key);
		}
		for (const key of restricted) {
			assert.ok(key in properties, key);
		}
	});

	it('of a wrong type count as not set', () => {
		const read = readSettings(k => ({ onSave: 7, tags: ['a', 1], args: ['-v'], checkDelay: '60', race: true })[k]);
		assert.deepEqual(read, { ...serverSettings, args: ['-v'], race: true });
	});

	it('leave compile errors to gopls where the Go extension runs it, but for what only our tags select', () => {
		const of = (compileErrors: string, gopls: boolean, tags: string[] = []) => leaveToGopls({ ...serverSettings, compileErrors, tags }, gopls).compileErrors;
		assert.equal(of('auto', true), 'never');
		assert.equal(of('auto', false), 'auto');
		assert.equal(of('auto', true, ['dev']), 'auto');
		assert.equal(of('always', true), 'always');
		assert.equal(of('never', false), 'never');
	});

	it('of the server can differ from folder to folder, and are answered for the folder that is asked about', () => {
		for (const key of Object.keys(serverSettings)) {
			assert.equal(properties[`anvilLsp.${key}`]?.scope, 'resource', key);
		}
		const read = (scope: string | undefined) => readSettings(key => (key === 'address' ? { 'file:///ws/a': '127.0.0.1:3001', 'file:///ws/b': '127.0.0.1:3002' }[scope ?? ''] : undefined));
		const answer = answerConfiguration([{ section: 'anvil' }, { section: 'anvil', scopeUri: 'file:///ws/a' }, { section: 'anvil', scopeUri: 'file:///ws/b' }], read);
		assert.deepEqual(answer, [serverSettings, { ...serverSettings, address: '127.0.0.1:3001' }, { ...serverSettings, address: '127.0.0.1:3002' }]);
	});

	it('are answered below the server’s section, and nothing else is told', () => {
		const read = (scope: string | undefined) => ({ onSave: scope ?? 'none' });
		assert.deepEqual(answerConfiguration([{ section: 'anvil' }, { section: 'anvil.onSave', scopeUri: 'file:///a' }, { section: 'gopls' }, {}], read), [{ onSave: 'none' }, 'file:///a', null, { onSave: 'none' }]);
	});
});

describe('commands', () => {
	const contributed = pkg.contributes.commands.map(c => c.command);

	it('that are contributed are registered', () => {
		for (const c of contributed) {
			const name = c.replace(/^anvilLsp\./, '');
			assert.ok(new RegExp(`(\\b${name}:|'${name.replace('.', '\\.')}':|'anvilLsp\\.${name.replace('.', '\\.')}')`).test(source), c);
		}
	});

	it('of the server are those that docs/lsp.md lists', () => {
		const table = /## Commands\n([\s\S]*?)\n## /.exec(fs.readFileSync('../../docs/lsp.md', 'utf8'))?.[1] ?? '';
		const documented = new Set([...table.matchAll(/^\| `(anvil\.\w+)` \|/gm)].map(m => m[1] ?? ''));
		const used = [...Object.values(ServerCommands), ...Object.keys(serverCommandsDoneHere)];
		assert.deepEqual(
			used.filter(c => !documented.has(c)),
			[],
		);
	});

	it('that anything refers to are contributed', () => {
		const refer = new Set<string>();
		for (const m of [...Object.values(pkg.contributes.menus).flat(), ...pkg.contributes.keybindings]) {
			refer.add(m.command);
		}
		const texts = JSON.stringify([pkg.contributes.viewsWelcome, pkg.contributes.walkthroughs]);
		for (const [, c] of texts.matchAll(/(?:command|onCommand):(anvilLsp\.[\w.]+)/g)) {
			refer.add(c ?? '');
		}
		for (const [, c] of source.matchAll(/command: '(anvilLsp\.[\w.]+)'/g)) {
			refer.add(c ?? '');
		}
		Object.values(serverCommandsDoneHere).forEach(c => refer.add(c));
		refer.delete('anvilLsp.routes.focus'); // VS Code's own, for the view
		assert.deepEqual([...refer].filter(c => !contributed.includes(c)), []);
	});

	it('have no two keys that mean the same', () => {
		const keys = pkg.contributes.keybindings.map(k => `${k.key} ${k.when}`);
		assert.equal(new Set(keys).size, keys.length);
	});
});

describe('context keys', () => {
	it('that when clauses ask for are set', () => {
		const asked = new Set([...JSON.stringify(pkg.contributes).matchAll(/(?:onContext:|["\s!(])anvilLsp\.(active|serverState|state|paused|wasLive|wasReloaded|routes\.filtered)\b/g)].map(m => m[1] ?? ''));
		assert.equal(asked.size, 7);
		for (const key of asked) {
			assert.ok(source.includes(`this.set('${key}'`) || source.includes(`'anvilLsp.${key}'`), key);
		}
	});
});

describe('the package', () => {
	it('depends at run time on the language client alone', () => assert.deepEqual(Object.keys(pkg.dependencies), ['vscode-languageclient']));

	it('has the files that it refers to', () => {
		for (const step of pkg.contributes.walkthroughs.flatMap(w => w.steps)) {
			assert.ok(fs.existsSync(step.media.markdown), step.media.markdown);
		}
		for (const [, file] of JSON.stringify(pkg).matchAll(/"(media\/[^"]+)"/g)) {
			assert.ok(fs.existsSync(file ?? ''), file);
		}
	});

	it('has its version in the changelog', () => assert.ok(fs.readFileSync('CHANGELOG.md', 'utf8').includes(`## ${pkg.version}`)));

	it('has a lock file that names no registry', () => {
		const lock = fs.readFileSync('package-lock.json', 'utf8');
		assert.equal(lock.includes('"resolved"'), false);
		assert.ok(lock.includes('"integrity"'));
	});
});
