import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { declaresRoutes, defaultBounds, lookThrough } from '../src/server/relevance';

let dir = '';
beforeEach(() => (dir = fs.mkdtempSync(path.join(os.tmpdir(), 'anvil-relevance-'))));
afterEach(() => fs.rmSync(dir, { recursive: true }));

function write(files: Record<string, string>): void {
	for (const [name, text] of Object.entries(files)) {
		fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
		fs.writeFileSync(path.join(dir, name), text);
	}
}
const look = (bounds = defaultBounds) => lookThrough([dir], new AbortController().signal, bounds);
const mod = 'module example.com/app\n\nrequire github.com/anvilforge/anvil-lsp/hotreload v0.1.0\n';
const routes = 'package handlers\n\nfunc AnvilRegisterRoutes(r *hotreload.RouteSink) {}\n';

describe('relevance', () => {
	it('is a go.mod that requires the module, and the function below it', async () => {
		write({ 'go.mod': mod, 'internal/web/routes.go': routes });
		assert.deepEqual(await look(), { matters: true, toolDirs: [] });
	});

	it('is found in a module further down', async () => {
		write({ 'go.mod': 'module x\n', 'services/blog/go.mod': mod, 'services/blog/handlers/r.go': routes });
		assert.equal((await look()).matters, true);
	});

	it('is a folder inside of a module, by what it declares itself', async () => {
		const lookIn = (name: string) => lookThrough([path.join(dir, name)], new AbortController().signal);
		write({ 'go.mod': mod, 'services/shop/handlers/r.go': routes, 'services/mail/mail.go': 'package mail\n' });
		assert.deepEqual(await lookIn('services/shop'), { matters: true, toolDirs: [] });
		assert.equal((await lookIn('services')).matters, true);
		assert.equal((await lookIn('services/mail')).matters, false);
		assert.equal((await lookThrough([path.join(dir, 'services/shop')], new AbortController().signal, { ...defaultBounds, entries: 0 })).matters, false);
		write({ 'go.mod': `${mod}\ntool github.com/anvilforge/anvil-lsp/cmd/anvil-lsp\n` });
		assert.deepEqual(await lookIn('services/shop'), { matters: true, toolDirs: [path.join(dir, 'services/shop')] });
		write({ 'services/go.mod': 'module x\n' }); // the nearest counts
		assert.deepEqual(await lookIn('services/shop'), { matters: false, toolDirs: [] });
	});

	it('is not a module that has nothing to do with it, nor one that only speaks of it', async () => {
		write({ 'go.mod': 'module x\n', 'handlers/r.go': routes });
		assert.equal((await look()).matters, false);
		write({ 'go.mod': mod, 'handlers/r.go': '// call AnvilRegisterRoutes\n', 'handlers/r_test.go': routes, 'vendor/a/r.go': routes, '.git/r.go': routes, '_old/r.go': routes });
		assert.equal((await look()).matters, false);
	});

	it('looks where the server does', async () => {
		write({ 'testdata/blog/go.mod': mod, 'testdata/blog/handlers/r.go': routes, 'go.mod': mod, 'web/testdata/r.go': routes });
		assert.equal((await look()).matters, false);
		const go = fs.readFileSync('../../internal/build/discover/search.go', 'utf8');
		const skips = /func SkippedName\(name string\) bool \{([^}]*)\}/.exec(go)?.[1] ?? '';
		const names = [...skips.matchAll(/name == "(\w+)"/g)].map(m => m[1] ?? '');
		assert.ok(names.length > 0);
		for (const name of [...names, '.x', '_x']) {
			fs.rmSync(dir, { recursive: true });
			write({ [`${name}/go.mod`]: mod, [`${name}/r.go`]: routes });
			assert.equal((await look()).matters, false, name);
		}
	});

	it('knows the modules that have the tool', async () => {
		write({
			'a/go.mod': `${mod}\ntool github.com/anvilforge/anvil-lsp/cmd/anvil-lsp\n`,
			'b/go.mod': `${mod}\ntool (\n\texample.com/x\n\tgithub.com/anvilforge/anvil-lsp/cmd/anvil-lsp // live\n)\n`,
			'c/go.mod': mod,
		});
		assert.deepEqual((await look()).toolDirs, [path.join(dir, 'a'), path.join(dir, 'b')]);
	});

	it('gives up in a workspace that is too large, and when it is told to', async () => {
		write(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d${String(i)}/f.txt`, ''])));
		write({ 'zzz/go.mod': mod, 'zzz/r.go': routes });
		assert.equal((await look({ ...defaultBounds, entries: 100 })).matters, false);
		assert.equal((await look()).matters, true);
		assert.equal((await lookThrough([dir], AbortSignal.abort())).matters, false);
		assert.equal((await lookThrough([path.join(dir, 'gone')], new AbortController().signal)).matters, false);
	});

	it('tells a declaration from a mention', () => {
		assert.equal(declaresRoutes(routes), true);
		assert.equal(declaresRoutes('package handlers\n\nvar AnvilRegisterRoutes func(*hotreload.RouteSink) = register\n'), true);
		assert.equal(declaresRoutes('\t// func AnvilRegisterRoutes(r)\n'), false);
		assert.equal(declaresRoutes('func (a *A) AnvilRegisterRoutes(r *hotreload.RouteSink) {}'), false);
	});
});
