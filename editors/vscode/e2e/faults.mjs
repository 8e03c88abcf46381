// What can go wrong with the server, in a real VS Code: each case is one clear message or none, and no error loop.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

const fake = path.resolve(import.meta.dirname, '../test/fakeServer.mjs');

/** The least that looks like an application. */
const application = { 'go.mod': 'module example.com/app\n\nrequire github.com/anvilforge/anvil-lsp/hotreload v0.1.0\n', 'handlers/routes.go': 'package handlers\n\nfunc AnvilRegisterRoutes(r *hotreload.RouteSink) {\n\tr.Get("/", home)\n}\n' };

/** Cases in the order in which they run. Each gets a window of its own on a fresh workspace. */
export const faults = {
	async 'a good server goes live, and the views show it'({ open, until, heard, screenshot }) {
		const w = await open('', { ...application, '.anvil/manifest.json': '{}\n' });
		await w.waitStatus(/gen 1$/);
		assert.equal(heard()[0].params.initializationOptions.trusted, true);
		assert.equal(heard()[0].params.initializationOptions.onSave, 'always');

		await w.command('Anvil: Focus on Routes View');
		await w.route('GET /posts/{id}').waitFor();
		await w.route('POST /posts').waitFor();
		assert.match(await w.route('GET /api/v1/tags').innerText(), /not live yet/);
		await w.command('Anvil: Filter Routes');
		await w.input.fill('api');
		await w.page.keyboard.press('Enter');
		await until(async () => (await w.routes.count()) === 3, 'the filter leaves three rows');
		await w.command('Anvil: Clear Filter');
		await w.route('POST /posts').locator('[class*=monaco-decoration-itemBadge]').waitFor();
		await screenshot(w, 'fake-routes');
		assert.equal(await w.page.locator('.explorer-folders-view .monaco-list-row', { hasText: '.anvil' }).count(), 0, 'what the tool writes is not shown');
		await w.open('handlers/routes.go');
		await w.page.locator('.editor-actions a.action-label[aria-label*="Reload"]').click();
		await w.waitStatus('gen 2 · 64 ms');
		await w.menu('Roll back');
		await w.waitStatus(/gen 1$/);

		await w.command('Anvil: Pause Reload on Save');
		await w.waitStatus('gen 1 · paused');
		await w.command('Anvil: Resume Reload on Save');
		await w.waitStatus(/gen 1$/);

		await w.command('Anvil: Show What Changed since the Live Generation');
		await w.page.locator('.view-line', { hasText: '+ GET /new' }).waitFor();
		await w.command('Anvil: Show Live Server Log');
		await w.page.locator('.view-line', { hasText: 'log of generation 1' }).waitFor();

		await w.menu('Reload');
		await w.waitStatus('gen 2 · 64 ms');
		await w.menu('Roll back');
		await w.waitStatus(/gen 1$/);
		assert.equal(await w.notifications.count(), 0);
	},

	async 'the item for a route goes to its registration, opens and copies it'({ open, until }) {
		const w = await open('');
		await w.waitStatus(/gen 1$/);
		await w.command('Anvil: Focus on Routes View');
		await w.route('GET /posts/{id}').click();
		await w.editor('handlers/routes.go').waitFor();
		await w.route('GET /posts/{id}').hover();
		await w.route('GET /posts/{id}').locator('a.action-label[aria-label="Copy as curl"]').click();
		await w.page.locator('.quick-input-title', { hasText: 'GET /posts/{id}' }).waitFor();
		assert.equal(await w.input.inputValue(), '1', 'a value to begin with');
		await w.input.fill('a b');
		await w.page.keyboard.press('Enter');
		const curl = /^curl -i http:\/\/127\.0\.0\.1:\d+\/posts\/a%20b$/;
		await until(async () => curl.test(await w.page.evaluate(() => navigator.clipboard.readText())), 'it is in the clipboard');
	},

	async 'a request is sent again after a reload, with the difference'({ open, screenshot }) {
		const w = await open('');
		await w.waitStatus(/gen 1$/);
		await w.command('Anvil: Test a Route');
		await w.input.fill('GET /posts/{id}');
		await w.page.keyboard.press('Enter');
		const view = w.webview();
		await view.locator('#p-id').waitFor();
		assert.equal(await view.locator('#p-id').inputValue(), '1');
		await view.locator('#p-id').fill('7');
		await view.locator('#send').click();
		await view.locator('#answer-body', { hasText: '"path": "/posts/7"' }).waitFor();
		await view.locator('.summary', { hasText: '200 OK' }).waitFor();
		await w.menu('Reload');
		await view.locator('#difference', { hasText: 'Changed since generation 1: +1 −1 lines' }).waitFor();
		await view.locator('.diff .added', { hasText: '"generation": 2' }).waitFor();
		await screenshot(w, 'fake-request');
		await view.locator('button', { hasText: 'Compare in an editor' }).click();
		await w.page.locator('.diff-editor-widget, .monaco-diff-editor').first().waitFor();
		assert.equal(await w.notifications.count(), 0);
	},

	async 'a request to a typed handler begins with what it takes'({ open }) {
		const w = await open('');
		await w.waitStatus(/gen 1$/);
		await w.command('Anvil: Test a Route');
		await w.input.fill('POST /posts');
		await w.page.keyboard.press('Enter');
		const view = w.webview();
		await view.locator('#body').waitFor();
		assert.equal(await view.locator('#body').inputValue(), '{\n  "title": ""\n}');
		assert.equal(await view.locator('#query').inputValue(), 'draft=false');
		await view.locator('button', { hasText: 'Copy as curl' }).waitFor();
		assert.equal(await view.locator('button', { hasText: 'Open in browser' }).isVisible(), false, 'a browser cannot send a POST');
	},

	async 'a setting that changes reaches the server, and a workspace cannot name a program'({ open, until, heard }) {
		const w = await open('', { ...application, '.vscode/settings.json': '{\n"anvilLsp.onSave": "noErrors",\n"anvilLsp.server.path": "/bin/false"\n}\n' });
		await w.waitStatus(/gen 1$/);
		assert.equal(heard()[0].params.initializationOptions.onSave, 'noErrors');
		await w.open('.vscode/settings.json');
		await w.typeLine(2, '"anvilLsp.onSave": "manual",');
		await w.save();
		await until(() => heard().some(m => m.method === 'workspace/didChangeConfiguration' && m.params.settings.anvil.onSave === 'manual'), 'the server hears of it');
		await w.typeLine(3, '"anvilLsp.server.path": "/bin/true"');
		await w.save();
		await w.menu('Reload');
		await w.waitStatus('gen 2');
		assert.equal(heard().filter(m => m.method === 'initialize').length, 1);
	},

	async 'a server that is killed comes back without a word'({ open, until, heard }) {
		const w = await open('');
		await w.waitStatus(/gen 1$/);
		process.kill(heard.pids().at(-1), 'SIGKILL');
		await until(() => heard.pids().length === 2, 'it is started again');
		await w.waitStatus(/gen 1$/);
		assert.equal(await w.notifications.count(), 0);
	},

	async 'a server that crashes at each start is given up with one message'({ open, heard }) {
		const w = await open('crash');
		await w.waitStatus('no server');
		const n = await w.notification('The language server ended'.toLowerCase());
		assert.match(await n.innerText(), /ended 5 times in a row \(exit status 2: panic: everything is wrong\)/);
		assert.equal(await w.notifications.count(), 1);
		assert.equal(heard.pids().length, 5);
	},

	async 'a server that is none says why, once'({ open }) {
		const w = await open('stillborn');
		await w.waitStatus('no server');
		const n = await w.notification('ended before it was ready: exit status 2: anvil-lsp: unknown flag: --stdio');
		await n.waitFor();
		assert.equal(await w.notifications.count(), 1);
	},

	async 'a server that never answers initialize is ended with one message'({ open, heard, until }) {
		const w = await open('silent');
		await w.notification('did not answer within 30 s and was ended');
		await w.waitStatus('no server');
		assert.equal(await w.notifications.count(), 1);
		await until(() => !alive(heard.pids()[0]), 'the process is gone');
		assert.equal(heard.pids().length, 1);
	},

	async 'an old server is refused with one message'({ open, screenshot }) {
		const w = await open('old');
		await w.notification('is version v0.0.9; this extension needs v0.1.0 or later');
		await w.waitStatus('anvil-lsp unusable');
		assert.equal(await w.notifications.count(), 1);
		await screenshot(w, 'fake-old');
	},

	async 'a missing program is offered to be installed, once'({ open }) {
		const w = await open(undefined);
		const n = await w.notification('the anvil-lsp program was not found');
		await n.locator('.monaco-button', { hasText: 'Install' }).first().waitFor();
		assert.equal(await w.notifications.count(), 1);
		await n.locator('.monaco-button', { hasText: 'Not in This Workspace' }).click();
		await w.command('Anvil: Restart Language Server');
		await w.waitStatus('anvil-lsp missing');
		await w.page.waitForTimeout(500); // time for a message that must not come
		assert.equal(await w.notifications.count(), 0);
	},

	async 'a workspace without AnvilRegisterRoutes starts nothing, until it has one'({ open, heard, until, folder }) {
		const w = await open('', { 'go.mod': 'module example.com/m\n', 'main.go': 'package main\n\nfunc main() {\n}\n' });
		await w.open('main.go');
		await until(() => heard.output().includes('no application in the workspace'), 'it has looked');
		assert.equal(await w.status.count(), 0);
		assert.equal(heard.pids().length, 0);
		await w.typeLine(4, 'func AnvilRegisterRoutes(r any) {}');
		await w.save();
		await w.waitStatus(/gen 1$/);
		assert.ok(fs.existsSync(path.join(folder(), 'main.go')));
	},

	async 'two windows on one workspace are fine'({ open, again }) {
		const one = await open('');
		await one.waitStatus(/gen 1$/);
		const two = await again();
		await two.waitStatus(/gen 1$/);
		assert.deepEqual([await one.notifications.count(), await two.notifications.count()], [0, 0]);
		await two.close();
	},

	async 'a huge workspace is given up quietly'({ open, heard, until }) {
		const files = Object.fromEntries(Array.from({ length: 60 }, (_, i) => Array.from({ length: 1000 }, (_, j) => [`d${i}/f${j}.txt`, ''])).flat());
		const w = await open('', { ...files, 'go.mod': 'module example.com/m\n' });
		await until(() => heard.output().includes('no application in the workspace'), 'it has looked');
		assert.equal(await w.notifications.count(), 0);
		assert.equal(await w.status.count(), 0);
	},
};

/** In a code-server with workspace trust. */
export const trustFaults = {
	async 'nothing of an untrusted workspace is built or run'({ open, heard, until, screenshot }) {
		const w = await open('');
		await w.waitStatus('not trusted');
		assert.equal(heard()[0].params.initializationOptions.trusted, false);
		await screenshot(w, 'fake-untrusted');
		await w.command('Workspaces: Manage Workspace Trust');
		await w.page.locator('.workspace-trust-buttons-row .monaco-button', { hasText: /^Trust$/ }).first().click();
		await until(() => heard().some(m => m.method === 'anvil/trust' && m.params.trusted === true), 'the server hears of it');
		await w.waitStatus(/gen 1$/);
		assert.equal(heard().filter(m => m.method === 'initialize').length, 1);
	},
};

/** Makes what a case gets: open, until, heard, … */
export function worldOf({ browser, server, dir, artefacts, keepWindows }) {
	let n = 0;
	let folder;
	let windows = [];
	let outputsBefore = 0;
	let logFile;
	let pidsFile;
	const lines = file => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);
	const heard = Object.assign(() => lines(logFile).map(l => JSON.parse(l)), { pids: () => lines(pidsFile).map(Number), output: () => server.outputs().slice(outputsBefore).join('') });
	const again = async () => {
		const w = await browser.open(server.url, folder);
		windows.push(w);
		return w;
	};
	return {
		world: {
			heard,
			again,
			folder: () => folder,
			/** Opens a window on a workspace, with a fake server in that mode; undefined: with none. */
			async open(mode, files = application) {
				folder = path.join(dir, `ws${++n}`);
				logFile = path.join(dir, `heard${n}.log`);
				pidsFile = path.join(dir, `pids${n}.log`);
				for (const [f, text] of Object.entries(files)) {
					fs.mkdirSync(path.dirname(path.join(folder, f)), { recursive: true });
					fs.writeFileSync(path.join(folder, f), text);
				}
				const program = path.join(dir, `fake${n}`);
				fs.writeFileSync(program, `#!/bin/sh\nFAKE_MODE=${mode} FAKE_LOG=${logFile} FAKE_PIDS=${pidsFile} exec ${process.execPath} ${fake} "$@"\n`, { mode: 0o755 });
				server.machineSettings(mode === undefined ? {} : { 'anvilLsp.server.path': program });
				outputsBefore = server.outputs().length;
				return again();
			},
			/** Opens a window on any folder. */
			async openFolder(any) {
				const w = await browser.open(server.url, any);
				windows.push(w);
				return w;
			},
			settings: server.machineSettings,
			outputs: server.outputs,
			async until(condition, what, timeout = 60_000) {
				for (const deadline = Date.now() + timeout; !(await condition()); ) {
					assert.ok(Date.now() < deadline, `never: ${what}`);
					await new Promise(resolve => setTimeout(resolve, 20));
				}
			},
			screenshot: (w, name) => w.page.screenshot({ path: path.join(artefacts, `${name}.png`) }),
		},
		/** Ends a case: closes its windows, and with them their extension hosts. */
		async end(failed) {
			for (const [i, w] of windows.entries()) {
				if (failed) {
					await w.page.screenshot({ path: path.join(artefacts, `failed-${n}-${i}.png`) }).catch(() => undefined);
				}
				if (!keepWindows) {
					await w.close();
				}
			}
			windows = keepWindows ? windows : [];
		},
	};
}

function alive(pid) {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}
