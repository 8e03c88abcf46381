// Debug Live Server, with Delve: a breakpoint in hot code holds in the generation that serves, also after a reload.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { repository } from './story.mjs';

const delve = 'github.com/go-delve/delve/cmd/dlv@v1.26.0';

/** Writes a new application, installs Delve, packages the stand-in for the Go extension. */
export function prepareDebug(dir, bin) {
	const app = path.join(dir, 'app');
	execFileSync(path.join(bin, 'anvil-lsp'), ['init', app], { stdio: 'pipe' });
	execFileSync('go', ['mod', 'edit', `-replace=github.com/anvilforge/anvil-lsp/hotreload=${repository}/hotreload`], { cwd: app });
	execFileSync('go', ['install', delve], { cwd: dir, env: { ...process.env, GOBIN: bin }, stdio: ['ignore', 'ignore', 'inherit'] });
	const goExtension = path.join(dir, 'go.vsix');
	execFileSync(path.join(import.meta.dirname, '../node_modules/.bin/vsce'), ['package', '--no-dependencies', '--allow-missing-repository', '--skip-license', '--out', goExtension], {
		cwd: path.join(import.meta.dirname, 'goExtension'), stdio: 'pipe',
	});
	return { app, goExtension, dlv: path.join(bin, 'dlv') };
}

export function debugCasesOf(app) {
	const file = 'handlers/handlers.go';
	const lineOf = text => fs.readFileSync(path.join(app, file), 'utf8').split('\n').findIndex(l => l.includes(text)) + 1;
	return {
		async 'a breakpoint in hot code holds, also after a reload'({ openFolder, settings, screenshot, until, outputs }) {
			settings({ 'anvilLsp.debug': true, 'anvilLsp.address': '127.0.0.1:0' });
			const w = await openFolder(app);
			await w.waitStatus(/gen 1/, 240_000);
			await w.status.click();
			const url = /http:\/\/127\.0\.0\.1:\d+/.exec(await w.page.locator('.quick-input-title').innerText())?.[0];
			await w.page.keyboard.press('Escape');
			const hello = () => fetch(`${url}/hello/ada`).then(r => r.text());
			const stopsAndContinues = async () => {
				const answer = hello();
				await w.page.locator('.debug-top-stack-frame-line').first().waitFor();
				assert.match(await w.page.locator('.debug-call-stack .monaco-list-row', { hasText: 'hello' }).first().innerText(), /hello/);
				await screenshot(w, 'debug');
				await w.page.keyboard.press('F5');
				return answer;
			};

			await w.open(file);
			await w.goTo(lineOf('"Hello, "'));
			await w.page.keyboard.press('F9');
			await w.page.locator('.codicon-debug-breakpoint').first().waitFor();
			await w.command('Anvil: Debug Live Server');
			await w.page.locator('.debug-toolbar').waitFor();
			await w.page.locator('.glyph-margin-widgets .codicon-debug-breakpoint, .margin .codicon-debug-breakpoint').first().waitFor();
			assert.equal(await stopsAndContinues(), 'Hello, ada!\n');

			await w.typeLine(lineOf('"Hello, "'), '\treturn c.Text(http.StatusOK, "Good morning, "+c.Param("name")+"!\\n")');
			await w.save();
			await w.generationAfter(1);
			await until(() => outputs().join('').includes('set again for generation 2'), 'the breakpoint is set again');
			assert.equal(await stopsAndContinues(), 'Good morning, ada!\n');
			assert.equal(await w.notifications.count(), 0);

			// Saved while the process stands still: the user is asked to let it go on, and then gets the new code.
			// Typed before it stands: VS Code shows the place by moving the cursor there, and more than once.
			const before = await w.generation();
			await w.typeLine(lineOf('Good morning'), '\treturn c.Text(http.StatusOK, "Good night, "+c.Param("name")+"!\\n")');
			const answer = hello();
			await w.page.locator('.debug-top-stack-frame-line').first().waitFor();
			await w.save();
			const n = await w.notification('the live server stands at a breakpoint');
			await n.locator('.monaco-button', { hasText: 'Continue and Load' }).click();
			assert.equal(await answer, 'Good morning, ada!\n', 'a request ends on the code that it started on');
			await w.generationAfter(before);
			await until(async () => outputs().join('').includes(`set again for generation ${await w.generation()}`), 'the breakpoint is set again');
			assert.equal(await stopsAndContinues(), 'Good night, ada!\n');

			await w.page.keyboard.press('Shift+F5');
			await w.page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
			await until(() => outputs().join('').includes('the debugger is gone'), 'the live server is restarted');
			await until(async () => (await hello()) === 'Good night, ada!\n', 'it serves on without the debugger');
			// And loads new code.
			const last = await w.generation();
			await w.typeLine(lineOf('Good night'), '\treturn c.Text(http.StatusOK, "Bye, "+c.Param("name")+"!\\n")');
			await w.save();
			await w.generationAfter(last);
			assert.equal(await hello(), 'Bye, ada!\n');
		},

		async 'an optimized live server is rebuilt first, if that is wished'({ openFolder, settings, until }) {
			const other = `${app}-optimized`;
			fs.cpSync(app, other, { recursive: true, filter: f => !/\/(\.anvil|\.vscode)$/.test(f) });
			settings({ 'anvilLsp.address': '127.0.0.1:0' });
			const w = await openFolder(other);
			await w.waitStatus(/gen 1/, 240_000);
			await w.command('Anvil: Debug Live Server');
			const n = await w.notification('built with optimizations');
			await n.locator('.monaco-button', { hasText: 'Turn On and Restart' }).click();
			await w.notification('is being rebuilt for the debugger');
			await w.page.locator('.debug-toolbar').waitFor({ timeout: 240_000 });
			await until(() => w.notifications.count().then(c => c === 0), 'the progress is over');
			assert.equal(JSON.parse(fs.readFileSync(path.join(other, '.vscode/settings.json'), 'utf8'))['anvilLsp.debug'], true);
			await w.page.keyboard.press('Shift+F5');
			await w.page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
		},
	};
}
