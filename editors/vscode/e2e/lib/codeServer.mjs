// A real VS Code for a test: code-server (workbench and Node extension host) on a free loopback port with a throw-away profile, and a
// headless Chromium that can reach nothing else.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Workbench } from './workbench.mjs';

const settings = {
	'telemetry.telemetryLevel': 'off', 'update.mode': 'none', 'update.showReleaseNotes': false, 'extensions.autoUpdate': false,
	'extensions.autoCheckUpdates': false, 'extensions.ignoreRecommendations': true, 'workbench.enableExperiments': false,
	'workbench.startupEditor': 'none', 'workbench.colorTheme': 'Default Dark Modern', 'workbench.tips.enabled': false, 'workbench.welcomePage.walkthroughs.openOnInstall': false,
	'workbench.reduceMotion': 'on', 'chat.commandCenter.enabled': false, 'chat.agent.enabled': false, 'git.enabled': false,
	'files.autoSave': 'off', 'editor.minimap.enabled': false, 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never',
	'remote.autoForwardPorts': false, 'window.confirmBeforeClose': 'never', 'typescript.disableAutomaticTypeAcquisition': true,
	// so that what is typed is what stands in the document
	'editor.autoClosingBrackets': 'never', 'editor.autoClosingQuotes': 'never', 'editor.autoIndent': 'none', 'editor.quickSuggestions': false,
	'editor.suggestOnTriggerCharacters': false, 'editor.acceptSuggestionOnEnter': 'off', 'editor.wordBasedSuggestions': 'off',
};

/**
 * Starts code-server with the .vsix installed.
 * @param {{install: string, dir: string, vsix: string, trust?: boolean, settings?: object, env?: Record<string, string>}} o
 */
export async function startCodeServer(o) {
	const entry = path.join(o.install, 'node_modules/code-server/out/node/entry.js');
	const user = path.join(o.dir, 'user');
	for (const d of ['User', 'Machine']) {
		fs.mkdirSync(path.join(user, d), { recursive: true });
	}
	fs.writeFileSync(path.join(o.dir, 'config.yaml'), 'auth: none\ncert: false\n'); // else one is made in the home folder
	fs.writeFileSync(path.join(user, 'User/settings.json'), JSON.stringify({ ...settings, 'security.workspace.trust.enabled': Boolean(o.trust), ...o.settings }, null, 1));

	const env = { ...process.env };
	for (const k of Object.keys(env)) {
		if (/^VSCODE_|^CODE_SERVER|^PORT$|^PASSWORD$|^HASHED_PASSWORD$|^https?_proxy$|^FAKE_/i.test(k)) {
			delete env[k];
		}
	}
	Object.assign(env, {
		XDG_CONFIG_HOME: path.join(o.dir, 'xdg/config'), XDG_DATA_HOME: path.join(o.dir, 'xdg/data'), XDG_CACHE_HOME: path.join(o.dir, 'xdg/cache'),
		GOCACHE: process.env.GOCACHE ?? execFileSync('go', ['env', 'GOCACHE'], { encoding: 'utf8' }).trim(), // not below XDG_CACHE_HOME
		EXTENSIONS_GALLERY: '{"serviceUrl":""}', ...o.env,
	});
	const common = ['--config', path.join(o.dir, 'config.yaml'), '--user-data-dir', user, '--extensions-dir', path.join(o.dir, 'extensions')];
	for (const vsix of [o.vsix].flat()) {
		execFileSync(process.execPath, [entry, ...common, '--install-extension', vsix], { env, stdio: ['ignore', 'pipe', 'pipe'] });
	}

	const logFile = path.join(o.dir, 'code-server.log');
	const log = fs.openSync(logFile, 'w');
	const args = ['--session-socket', path.join(o.dir, 's.sock'), '--bind-addr', '127.0.0.1:0', '--auth', 'none', '--disable-telemetry', '--disable-update-check', '--disable-getting-started-override', '--ignore-last-opened'];
	if (!o.trust) {
		args.push('--disable-workspace-trust');
	}
	// A process group of its own, so that all of it can be ended.
	const child = spawn(process.execPath, [entry, ...common, ...args], { env, stdio: ['ignore', log, log], detached: true });
	const signal = s => {
		try {
			return process.kill(-child.pid, s);
		} catch {
			return false; // gone
		}
	};
	const hard = () => signal('SIGKILL');
	process.once('exit', hard);
	const stop = async () => {
		child.kill('SIGTERM'); // the leader first: the extension host and the language server get to end in good order
		for (let i = 0; i < 100 && signal(0); i++) {
			await new Promise(resolve => setTimeout(resolve, 50));
		}
		hard();
		process.removeListener('exit', hard);
	};
	let url;
	for (let i = 0; !url; i++) {
		if (i > 600 || child.exitCode !== null) {
			await stop();
			throw new Error(`code-server did not start:\n${fs.readFileSync(logFile, 'utf8')}`);
		}
		await new Promise(resolve => setTimeout(resolve, 50));
		url = /HTTP server listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(fs.readFileSync(logFile, 'utf8'))?.[1];
	}
	return {
		url,
		stop,
		/** Settings of the machine, where anvilLsp.server.path belongs in a remote window. */
		machineSettings: s => fs.writeFileSync(path.join(user, 'Machine/settings.json'), JSON.stringify(s)),
		/** What the extension wrote into its output channel: one text for each window. */
		outputs: () =>
			fs
				.readdirSync(path.join(user, 'logs'), { recursive: true, encoding: 'utf8' })
				.filter(f => f.endsWith('anvilforge.anvil-lsp/Anvil.log'))
				.sort((a, b) => fs.statSync(path.join(user, 'logs', a)).birthtimeMs - fs.statSync(path.join(user, 'logs', b)).birthtimeMs)
				.map(f => fs.readFileSync(path.join(user, 'logs', f), 'utf8')),
	};
}

/** Starts Chromium. Nothing but this machine can be reached from it. */
export async function startBrowser(install, dir) {
	const { chromium } = createRequire(path.join(install, '/'))('playwright-core');
	const browser = await chromium.launch({
		executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
		args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
	});
	const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', permissions: ['clipboard-read', 'clipboard-write'] });
	await context.route(u => !['127.0.0.1', 'localhost'].includes(u.hostname) && /^(https?|wss?):$/.test(u.protocol), r => r.abort());
	const consoleLog = fs.createWriteStream(path.join(dir, 'browser-console.log'));
	return {
		/** Opens a window on a folder. */
		async open(url, folder) {
			const page = await context.newPage();
			page.setDefaultTimeout(60_000);
			page.on('console', m => consoleLog.write(`[${m.type()}] ${m.text()}\n`));
			page.on('pageerror', e => consoleLog.write(`[pageerror] ${e}\n`));
			await page.goto(`${url}/?folder=${encodeURIComponent(folder)}`);
			const w = new Workbench(page);
			await w.explorer.first().waitFor();
			return w;
		},
		close: () => browser.close(),
	};
}
