// What a user does, with the real anvil-lsp on a copy of examples/blog.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export const repository = path.resolve(import.meta.dirname, '../../..');

/** Builds anvil-lsp and copies the blog. Returns the folder to open and the directory for GOBIN (VS Code asks a log-in shell for PATH). */
export function prepare(dir) {
	const bin = path.join(dir, 'bin');
	fs.mkdirSync(bin);
	execFileSync('go', ['build', '-o', path.join(bin, 'anvil-lsp'), './cmd/anvil-lsp'], { cwd: repository, stdio: 'inherit' });
	const blog = path.join(dir, 'blog');
	fs.cpSync(path.join(repository, 'examples/blog'), blog, { recursive: true, filter: f => !/\/(\.anvil|data\/.+)$/.test(f) });
	execFileSync('go', ['mod', 'edit', `-replace=github.com/anvilforge/anvil-lsp/hotreload=${repository}/hotreload`], { cwd: blog });
	fs.mkdirSync(path.join(blog, 'data'), { recursive: true });
	return { blog, bin };
}

/** The first start compiles the blog's dependencies, SQLite among them. */
const firstStart = 10 * 60_000;

export function storyOf(blog) {
	let w;
	let url = 'http://127.0.0.1:0';
	const source = f => fs.readFileSync(path.join(blog, f), 'utf8').split('\n');
	/** Number of the line that holds a text, from 1. */
	const lineOf = (f, text) => {
		const n = source(f).findIndex(l => l.includes(text)) + 1;
		assert.ok(n > 0, `${f} does not hold ${text}`);
		return n;
	};
	const get = async p => {
		const r = await fetch(url + p);
		return { status: r.status, body: await r.text() };
	};
	const api = 'handlers/api/api.go';
	const debug = 'handlers/debug.go';

	const cases = {
		async 'opens the folder, and the first generation goes live'({ openFolder, screenshot }) {
			w = await openFolder(blog);
			const trouble = w.notifications.first().waitFor({ timeout: firstStart }).then(async () => assert.fail(`a message: ${await w.notifications.first().innerText()}`));
			trouble.catch(() => undefined); // none came
			await Promise.race([w.waitStatus(/gen 1/, firstStart), trouble]);
			await w.status.click();
			const title = await w.page.locator('.quick-input-title').innerText();
			url = /http:\/\/127\.0\.0\.1:\d+/.exec(title)?.[0];
			assert.ok(url, `no address in the menu's title ${JSON.stringify(title)}`);
			await screenshot(w, 'menu');
			await w.page.keyboard.press('Escape');
			assert.deepEqual(await get('/healthz'), { status: 200, body: 'ok\n' });
			assert.equal(await w.notifications.count(), 0);
		},

		async 'types a signature change and reads ANV001 before it is saved; undoes it'({ screenshot }) {
			await w.open(api);
			const line = lineOf(api, 'Page  int    `json:"page"`');
			await w.showProblems();
			await w.typeLine(line, '\tPage  int    `json:"page"`\n\tTotal int    `json:"total"`');
			await w.problem('ANV001').waitFor();
			assert.match(await w.problem('ANV001').innerText(), /restarts on save: signature of GET \/api\/posts changed/);
			await w.page.locator('.tab.dirty').first().waitFor();
			assert.equal(await w.generation(), 1, 'nothing was built');
			await screenshot(w, 'prediction');
			await w.undoAll();
			await w.problem('ANV001').waitFor({ state: 'detached' });
		},

		async 'edits a body and saves: progress, the new generation, the new response'({ screenshot, until }) {
			await w.open(debug);
			await w.typeLine(lineOf(debug, 'fmt.Fprintln(w, "ok")'), '\t\tfmt.Fprintln(w, "ok, and hot")');
			const seen = new Set();
			await w.page.exposeFunction('anvilSaw', t => seen.add(t));
			await w.page.evaluate(() => {
				const look = () => document.querySelectorAll('.statusbar-item').forEach(e => window.anvilSaw((e.querySelector('.codicon-modifier-spin') ? 'spinning: ' : '') + e.innerText.trim()));
				new MutationObserver(look).observe(document.querySelector('.statusbar'), { subtree: true, childList: true, characterData: true, attributes: true });
			});
			await w.save();
			const generation = await w.generationAfter(1);
			assert.match((await w.status.innerText()).trim(), new RegExp(`^⚒ gen ${generation} · \\d[\\d.]* m?s$`));
			assert.deepEqual(await get('/healthz'), { status: 200, body: 'ok, and hot\n' });
			// VS Code shows the steps of what takes longer than a moment, the status bar turns at once.
			const progress = new RegExp(`^(?:spinning: )?anvil: (?:Checking|Building|Loading generation ${generation})|^spinning: ⚒ gen ${generation - 1}$`);
			await until(() => [...seen].some(t => progress.test(t)), `progress is shown; seen: ${[...seen].join(' | ')}`);
			await screenshot(w, 'saved');
		},

		async 'opens the Routes view, filters, goes to a registration'({ screenshot }) {
			await w.command('Anvil: Focus on Routes View');
			await w.route('GET /healthz').waitFor();
			await screenshot(w, 'routes');
			await w.command('Anvil: Filter Routes');
			await w.input.fill('get api');
			await w.page.keyboard.press('Enter');
			await w.route('GET /healthz').waitFor({ state: 'detached' });
			await w.route('GET /api/posts/{id}').waitFor();
			await w.command('Anvil: Clear Filter');
			await w.route('GET /healthz').click();
			await w.editor('handlers/routes.go').waitFor();
			await w.page.locator('.view-line', { hasText: 'r.Get("/healthz"' }).waitFor();
		},

		async 'tests a route, and sees the difference after the next save'({ screenshot, until }) {
			await w.command('Anvil: Focus on Routes View');
			const item = w.route('GET /healthz');
			await item.hover();
			await item.locator('a.action-label[aria-label="Test Route"]').click();
			const view = w.webview();
			await view.locator('#answer-body', { hasText: 'ok, and hot' }).waitFor();
			await view.locator('.summary', { hasText: '200 OK' }).waitFor();
			const before = await w.generation();
			await w.open(debug);
			await w.typeLine(lineOf(debug, 'ok, and hot'), '\t\tfmt.Fprintln(w, "still warm")');
			await w.save();
			await w.generationAfter(before);
			await view.locator('#difference', { hasText: /Changed since generation \d+: \+\d+ −\d+ lines/ }).waitFor();
			await view.locator('.diff .added', { hasText: 'still warm' }).waitFor();
			await view.locator('.diff .removed', { hasText: 'ok, and hot' }).waitFor();
			await until(async () => (await w.page.locator('.tab.dirty').count()) === 0, 'saved');
			await screenshot(w, 'request');
			await w.page.locator('.tab', { hasText: 'GET /healthz' }).locator('.action-label.codicon-close').click();
		},

		async 'causes a panic by a request and reads where it happened'({ screenshot }) {
			await w.open(debug);
			const before = await w.generation();
			await w.typeLine(lineOf(debug, 'still warm'), '\t\tif r.URL.Query().Has("boom") {\n\t\t\tpanic("boom as asked")\n\t\t}\n\t\tfmt.Fprintln(w, "ok")');
			await w.save();
			await w.generationAfter(before);
			assert.equal((await get('/healthz?boom')).status, 500);
			await w.showProblems();
			await w.problem('ANV011').waitFor();
			assert.match(await w.problem('ANV011').innerText(), /boom as asked/);
			assert.match(await w.problem('ANV011').innerText(), new RegExp(`Ln ${lineOf(debug, 'panic("boom as asked")')}\\b`));
			await w.editor(debug).locator('.squiggly-error').first().waitFor();
			await w.command('Anvil: Focus on Routes View');
			await w.route('GET /healthz').locator('[class*=monaco-decoration-itemBadge]').waitFor();
			await screenshot(w, 'panic');
			assert.deepEqual(await get('/healthz'), { status: 200, body: 'ok\n' });
			// Mended: it goes away with the next generation.
			await w.open(debug);
			const generation = await w.generation();
			await w.typeLine(lineOf(debug, 'panic("boom as asked")'), '\t\t\tw.WriteHeader(http.StatusTeapot)');
			await w.save();
			await w.generationAfter(generation);
			await w.problem('ANV011').waitFor({ state: 'detached' });
			assert.equal((await get('/healthz?boom')).status, 418);
		},

		async 'breaks the syntax: the error is shown and the old code serves; mends it'({ screenshot }) {
			await w.open(debug);
			const before = await w.generation();
			const line = lineOf(debug, 'fmt.Fprintln(w, "ok")');
			await w.typeLine(line, '\t\tfmt.Fprintln(w, "ok"');
			await w.save();
			await w.waitStatus(new RegExp(`gen ${before} · kept`));
			await w.problem('ANV009').waitFor();
			assert.deepEqual(await get('/healthz'), { status: 200, body: 'ok\n' });
			await screenshot(w, 'kept');
			await w.typeLine(line, '\t\tfmt.Fprintln(w, "mended")');
			await w.save();
			await w.generationAfter(before);
			await w.problem('ANV009').waitFor({ state: 'detached' });
			assert.deepEqual(await get('/healthz'), { status: 200, body: 'mended\n' });
		},

		async 'restarts from the menu'({ until }) {
			const pid = async () => JSON.parse((await get('/whoami')).body).pid;
			const [before, generation] = [await pid(), await w.generation()];
			await w.menu('Restart');
			await until(async () => (await pid()) !== before, 'another process serves');
			await until(async () => /gen \d+/.test(await w.status.innerText()) && !/restarting/.test(await w.status.innerText()), 'it is live again');
			assert.ok((await w.generation()) >= generation);
			assert.deepEqual(await get('/healthz'), { status: 200, body: 'mended\n' });
		},

		async 'pauses reload on save, reloads on request, rolls back, resumes'({ until }) {
			await w.command('Anvil: Pause Reload on Save');
			await w.waitStatus('paused');
			const before = await w.generation();
			await w.open(debug);
			await w.typeLine(lineOf(debug, '"mended"'), '\t\tfmt.Fprintln(w, "resumed")');
			await w.save();
			await w.command('Anvil: Reload');
			await until(async () => (await w.generation()) > before, 'a reload takes what was saved');
			assert.deepEqual(await get('/healthz'), { status: 200, body: 'resumed\n' });
			await w.menu('Roll back');
			await until(async () => (await get('/healthz')).body === 'mended\n', 'the code before serves');
			await w.menu('Reload');
			await until(async () => (await get('/healthz')).body === 'resumed\n', 'the new code serves again');
			await w.command('Anvil: Resume Reload on Save');
			await until(async () => !/paused/.test(await w.status.innerText()), 'it is resumed');
		},

		async 'is asked about a break, where it is to ask, and the answer is remembered'({ settings, screenshot }) {
			settings({ 'anvilLsp.onBreak': 'ask' });
			await w.open(api);
			const before = await w.generation();
			await w.typeLine(lineOf(api, 'Page  int    `json:"page"`'), '\tPage  int    `json:"page"`\n\tTotal int    `json:"total"`');
			await w.save();
			const n = await w.notification('Restart the live server?');
			await n.locator('.monaco-button', { hasText: 'Keep old' }).waitFor();
			await w.route('GET /api/posts').locator('[class*=monaco-decoration-itemBadge]').waitFor();
			await screenshot(w, 'ask');
			await n.locator('.monaco-button', { hasText: 'Always restart' }).click();
			await w.generationAfter(before);
			assert.match((await get('/api/posts')).body, /"total":0/);
			// The next one needs no question.
			const second = await w.generation();
			await w.typeLine(lineOf(api, 'Total int    `json:"total"`'), '');
			await w.save();
			await w.generationAfter(second);
			assert.doesNotMatch((await get('/api/posts')).body, /"total"/);
			assert.equal(await w.notifications.count(), 0);
			settings({});
		},

		async 'a second window attaches to the same live server'({ openFolder }) {
			const two = await openFolder(blog);
			const generation = await w.generation();
			await two.waitStatus(new RegExp(`gen ${generation}`), 120_000);
			assert.equal(await two.notifications.count(), 0);
			await two.menu('Reload');
			await two.close();
			assert.equal((await get('/healthz')).status, 200);
			assert.equal(await w.notifications.count(), 0);
		},

		async 'counts requests'({ until }) {
			await w.command('Anvil: Focus on Routes View');
			await get('/healthz');
			await until(async () => /\d requests? · p50/.test(await w.route('GET /healthz').innerText()), 'its counters are shown');
		},
	};
	return {
		cases,
		/** Once the windows are closed, nothing that they started is left. */
		async afterwards() {
			await assert.rejects(get('/healthz'), 'the live server is gone');
		},
	};
}
