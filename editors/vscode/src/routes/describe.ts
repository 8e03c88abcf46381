// The words about one route.
import { count, duration, escapeMarkdown } from '../live/format';
import type { Route, RouteStats } from '../protocol';

/** What stands, dimmed, behind a route in the tree: its counters, then its handler. The tooltip has the signature. */
export function description(r: Route): string {
	const parts: string[] = [];
	if (r.pending) {
		parts.push('not live yet');
	}
	if (r.panic) {
		parts.push('panicked');
	}
	if (r.stats && r.stats.requests > 0) {
		parts.push(counters(r.stats));
	}
	parts.push(r.handler);
	return parts.filter(Boolean).join(' · ');
}

export function counters(s: RouteStats): string {
	const parts = [count(s.requests, 'request'), `p50 ${fineDuration(s.p50Ms)}`, `last ${s.lastStatus}`];
	if (s.errors > 0) {
		parts.splice(1, 0, count(s.errors, 'error'));
	}
	return parts.join(' · ');
}

/** `handlers.ShowPost(*hotreload.Ctx, handlers.PostID) (handlers.Post, error)`: the signature with the name in it. */
export function shortSignature(r: Route): string {
	return r.signature.startsWith('func(') ? `${r.handler}${r.signature.slice('func'.length)}` : [r.handler, r.signature].filter(Boolean).join(' ');
}

/** Milliseconds with a digit behind the point where they are few: `1.8 ms`. */
export function fineDuration(ms: number): string {
	return ms < 10 ? `${ms.toFixed(1)} ms` : duration(ms);
}

/** A code span of Markdown, which nothing in the text ends. */
export function code(text: string): string {
	const line = text.replace(/\s+/g, ' ');
	const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map(run => run.length));
	const fence = '`'.repeat(longest + 1);
	return longest > 0 ? `${fence} ${line} ${fence}` : fence + line + fence;
}

/** The tooltip, as Markdown. */
export function tooltip(r: Route): string {
	const lines = [`**${r.method === '*' ? 'any method' : r.method}** ${code(r.pattern)}`, code(shortSignature(r))];
	if (r.pending) {
		lines.push('Stands in the source, but not in the generation that serves.');
	} else {
		lines.push(`Generation ${r.generation}${r.stats && r.stats.requests > 0 ? ` · ${counters(r.stats)}` : ' · no request yet'}`);
	}
	if (r.break) {
		lines.push(`$(warning) ${r.break.code}: ${escapeMarkdown(r.break.message)}`);
	}
	if (r.panic) {
		const { message, at, location } = r.panic;
		const place = location ? ` (${decodeURIComponent(location.uri.split('/').at(-1) ?? '')}:${location.range.start.line + 1})` : '';
		const time = at ? `, ${new Date(at).toLocaleTimeString()}` : '';
		lines.push(`$(error) ANV011: ${escapeMarkdown(message + place + time)}`);
	}
	return lines.join('\n\n');
}

export type Icon = { id: string; color: string };

/** A codicon and a colour of the theme for each method. */
export function methodIcon(method: string): Icon {
	switch (method) {
		case 'GET':
		case 'HEAD':
			return { id: 'arrow-down', color: 'charts.green' };
		case 'POST':
			return { id: 'add', color: 'charts.blue' };
		case 'PUT':
		case 'PATCH':
			return { id: 'edit', color: 'charts.yellow' };
		case 'DELETE':
			return { id: 'trash', color: 'charts.red' };
		case '*':
			return { id: 'symbol-method', color: 'charts.purple' };
		default:
			return { id: 'circle-outline', color: 'charts.foreground' };
	}
}
