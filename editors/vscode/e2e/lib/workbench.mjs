// VS Code's workbench, as a user sees it. Every method waits for what it did to be visible.
import assert from 'node:assert/strict';

export class Workbench {
	constructor(page) {
		this.page = page;
		this.explorer = page.locator('.explorer-folders-view .monaco-list-row');
		this.status = page.locator('.statusbar-item[id="anvilforge.anvil-lsp.anvilLsp.status"]');
		this.problems = page.locator('.markers-panel-container .monaco-list-row');
		this.notifications = page.locator('.notifications-toasts .notification-list-item');
		this.picks = page.locator('.quick-input-list .monaco-list-row');
		this.quickInput = page.locator('.quick-input-widget');
		this.input = this.quickInput.locator('input[type="text"]').first();
		this.position = page.locator('.statusbar-item[id="status.editor.selection"]');
		this.routes = page.locator('.pane', { has: page.locator('.pane-header', { hasText: 'Routes' }) }).locator('.monaco-list-row');
	}

	editor(name) {
		return this.page.locator(`.editor-instance .monaco-editor[data-uri$="/${name}"]`).first();
	}

	/** Opens a file by its path below the folder. */
	async open(path) {
		await this.ask('Control+p', path);
		// The list is filled in several steps: take the row that is meant, not the first one.
		const row = this.picks.filter({ hasText: path.split('/').at(-1) }).filter({ hasText: path.split('/').slice(0, -1).join('/') }).first();
		await row.click();
		await this.editor(path).waitFor();
		await this.quickInput.waitFor({ state: 'hidden' });
	}

	/**
	 * Opens the quick input with a key and fills it. Whatever takes the focus closes it,
	 * such as an editor that opens: then the key is pressed again, as a user does.
	 */
	async ask(key, text) {
		for (const deadline = Date.now() + 60_000; ; ) {
			await this.page.keyboard.press(key);
			try {
				await this.input.fill(text, { timeout: 5_000 });
				return;
			} catch (err) {
				if (err.name !== 'TimeoutError' || Date.now() > deadline) {
					throw err;
				}
			}
		}
	}

	/** Puts the cursor at the beginning of a line, counted from 1. */
	async goTo(line) {
		await this.page.keyboard.press('Control+1'); // into the editor, from wherever
		await this.ask('Control+g', `:${line}:1`);
		await this.page.keyboard.press('Enter');
		await this.quickInput.waitFor({ state: 'hidden' });
		await this.position.filter({ hasText: new RegExp(`^Ln ${line}, Col 1$`) }).waitFor();
	}

	/** Replaces a line of the active editor. */
	async typeLine(line, text) {
		await this.goTo(line);
		await this.page.keyboard.press('Home');
		await this.page.keyboard.press('Home');
		await this.page.keyboard.press('Shift+End');
		if (text === '') {
			await this.page.keyboard.press('Delete');
		} else {
			await this.page.keyboard.insertText(text); // at once: no completion, no bracket of its own
		}
		await this.page.locator('.tab.dirty').first().waitFor();
	}

	async undoAll() {
		for (let i = 0; i < 200 && (await this.page.locator('.tab.dirty').count()) > 0; i++) {
			await this.page.keyboard.press('Control+z');
		}
		await this.page.locator('.tab.dirty').first().waitFor({ state: 'detached' });
	}

	async save() {
		await this.page.keyboard.press('Control+s');
		await this.page.locator('.tab.dirty').first().waitFor({ state: 'detached' });
	}

	/** Runs a command from the palette by its title. */
	async command(title) {
		await this.ask('F1', `>${title}`);
		await this.picks.filter({ hasText: title }).first().waitFor();
		await this.page.keyboard.press('Enter');
	}

	async showProblems() {
		if (!(await this.page.locator('.markers-panel-container').isVisible())) {
			await this.page.keyboard.press('Control+Shift+m');
			await this.page.locator('.markers-panel-container').waitFor();
		}
	}

	problem(text) {
		return this.problems.filter({ hasText: text }).first();
	}

	/** Waits for the status bar to show a text, or a text like this. */
	async waitStatus(text, timeout = 60_000) {
		await this.status.filter({ hasText: text }).waitFor({ timeout });
		return (await this.status.innerText()).trim();
	}

	/** The generation that the status bar shows. */
	async generation() {
		return Number(/gen (\d+)/.exec(await this.status.innerText())?.[1] ?? 0);
	}

	/** Waits for a generation after n. */
	async generationAfter(n, timeout = 60_000) {
		const deadline = Date.now() + timeout;
		for (;;) {
			const text = await this.status.innerText();
			const m = /gen (\d+)(?: · \d[\d.]* m?s)?$/.exec(text.trim());
			if (m && Number(m[1]) > n) {
				return Number(m[1]);
			}
			assert.ok(Date.now() < deadline, `no generation after ${n}; the status bar says ${JSON.stringify(text)}`);
			await this.page.waitForTimeout(20);
		}
	}

	/** Opens the menu behind the status bar and picks an entry. */
	async menu(entry) {
		await this.status.click();
		const row = this.picks.filter({ hasText: entry }).first();
		await row.waitFor();
		await row.click();
	}

	async notification(text) {
		const n = this.notifications.filter({ hasText: text }).first();
		await n.waitFor();
		return n;
	}

	async clearNotifications() {
		await this.command('Notifications: Clear All Notifications');
		await this.notifications.first().waitFor({ state: 'detached' });
	}

	route(text) {
		return this.routes.filter({ hasText: text }).first();
	}

	/** A webview's document, two frames down. */
	webview() {
		return this.page.frameLocator('iframe.webview.ready').last().frameLocator('iframe#active-frame');
	}

	close() {
		return this.page.close();
	}
}
