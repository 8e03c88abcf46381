// The words of the status bar.
import type { Status } from '../protocol';
import type { ServerState } from '../server/supervisor';

export type Shown = {
	text: string;
	tooltip: string;
	/** Colour is for trouble only. */
	trouble: 'none' | 'warning' | 'error';
};

/** Shows the state of the server, and once it runs, of the live server. */
export function show(server: ServerState, status: Status | undefined, trusted: boolean): Shown {
	if (server !== 'running') {
		return ofServer(server);
	}
	if (!trusted) {
		return { text: '⚒ not trusted', tooltip: 'Nothing of this workspace is built or run until you trust it.', trouble: 'none' };
	}
	if (!status) {
		return {
			text: '⚒ no application yet',
			tooltip: 'No application was found so far. It takes two things: a package that exports AnvilRegisterRoutes, and a main package that calls hotreload.LiveServer.',
			trouble: 'none',
		};
	}
	const tooltip = explain(status);
	const gen = status.generation > 0 ? `gen ${status.generation}` : '';
	const say = (text: string, trouble: Shown['trouble'] = 'none'): Shown => ({ text: `⚒ ${text}`, tooltip, trouble });
	switch (status.state) {
		case 'off':
			return say('off');
		case 'starting':
			return say('$(loading~spin) starting');
		case 'building':
			return say(gen ? `${gen} $(loading~spin)` : '$(loading~spin) building');
		case 'restarting':
			return say(`${gen} $(loading~spin) restarting`.trimStart());
		case 'live':
			if (status.paused) {
				return say(`${gen} · paused`);
			}
			return say(status.lastMs > 0 ? `${gen} · ${duration(status.lastMs)}` : gen);
		case 'kept':
			return say(`${gen} · kept`, 'warning');
		case 'down':
			return say('down', 'error');
	}
}

function ofServer(server: Exclude<ServerState, 'running'>): Shown {
	switch (server) {
		case 'missing':
			return { text: '⚒ anvil-lsp missing', tooltip: 'The anvil-lsp program was not found. Click to install it.', trouble: 'warning' };
		case 'badPath':
			return { text: '⚒ anvil-lsp unusable', tooltip: 'The path in anvilLsp.server.path cannot be used. Click to set it.', trouble: 'warning' };
		case 'failed':
			return { text: '⚒ no server', tooltip: 'The language server does not run. Click for what can be done.', trouble: 'error' };
		case 'stopped':
			return { text: '⚒', tooltip: 'The language server is stopped.', trouble: 'none' };
		case 'waiting':
		case 'finding':
		case 'starting':
			return { text: '⚒ $(loading~spin)', tooltip: 'The language server is starting.', trouble: 'none' };
	}
}

/** The tooltip, as Markdown. */
function explain(s: Status): string {
	const lines: string[] = [];
	switch (s.state) {
		case 'off':
			lines.push('The live server is off.');
			break;
		case 'starting':
			lines.push('The live server is starting.');
			break;
		case 'building':
			lines.push(s.generation > 0 ? `Generation ${s.generation} serves while the next one is built.` : 'The first generation is being built.');
			break;
		case 'restarting':
			lines.push('The live server is restarting on the same address.');
			break;
		case 'live':
			lines.push(`Generation ${s.generation} serves${s.url ? ` on ${s.url}` : ''}.`);
			break;
		case 'kept':
			lines.push(`The newest code was not taken; generation ${s.generation} keeps serving${s.url ? ` on ${s.url}` : ''}.`);
			break;
		case 'down':
			lines.push('No live server runs; requests are answered with the error page.');
			break;
	}
	if (s.message) {
		lines.push(escapeMarkdown(s.message));
	}
	if (s.lastMs > 0 && s.state === 'live') {
		lines.push(`Last save: ${s.rung ? `${s.rung}, ` : ''}${duration(s.lastMs)} until the new code served.`);
	}
	if (s.paused) {
		lines.push('Reload on save is paused.');
	}
	if (s.problems > 0) {
		lines.push(`${count(s.problems, 'finding')} in Problems.`);
	}
	if (s.attached) {
		lines.push('The engine runs in another window or terminal; this window is attached to it.');
	}
	if (s.counts) {
		const c = s.counts;
		lines.push(`${count(c.hot_swaps, 'swap')}, ${count(c.restarts, 'restart')}, ${c.kept} kept, ${count(c.panics, 'panic')}, ${count(c.crashes, 'crash', 'crashes')}`);
	}
	return lines.join('\n\n');
}

/** `64 ms`, `1.2 s`. */
export function duration(ms: number): string {
	return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function count(n: number, one: string, many = `${one}s`): string {
	return `${n} ${n === 1 ? one : many}`;
}

export function escapeMarkdown(text: string): string {
	return text.replace(/[\\`*_{}[\]()#+\-!<>|~&@]/g, '\\$&').replaceAll('://', '\\://').replace(/www\./gi, found => `${found.slice(0, 3)}\\.`);
}
