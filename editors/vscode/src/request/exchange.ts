// From a form to a request, and from two answers to their difference.
import { diffLines, folded } from './diff';
import type { Difference, Form, Header } from './messages';
import type { Request, Response } from './send';

/** Headers that say nothing about the code, or nothing beside the body. */
const volatile = new Set(['connection', 'content-length', 'date', 'age', 'expires', 'x-request-id', 'traceparent', 'server-timing']);

/** One answer as a text to compare: the status, the headers in order of their names, the body. */
export function comparable(r: Response): string {
	const headers = r.headers
		.map(([n, v]) => [n.toLowerCase(), v] as const)
		.filter(([n]) => !volatile.has(n))
		.sort(([a, av], [b, bv]) => (a < b ? -1 : a > b ? 1 : av < bv ? -1 : av > bv ? 1 : 0))
		.map(([n, v]) => `${n}: ${v}`);
	return [`${r.status} ${r.statusText}`.trim(), ...headers, '', r.body].join('\n');
}

export function compare(before: { response: Response; generation: number }, now: Response): Difference {
	const a = comparable(before.response);
	const b = comparable(now);
	if (a === b) {
		return { generation: before.generation, same: true, added: 0, removed: 0, tooMuch: false, lines: [] };
	}
	const d = diffLines(a, b);
	return { generation: before.generation, same: false, added: d.added, removed: d.removed, tooMuch: d.tooMuch, lines: folded(d.lines) };
}

/** Reads `Name: value` lines. A line without a colon is told by its number. */
export function parseHeaders(text: string): Header[] {
	const out: Header[] = [];
	text.split('\n').forEach((line, i) => {
		const l = line.trim();
		if (l === '') {
			return;
		}
		const colon = l.indexOf(':');
		if (colon <= 0 || !/^[\w!#$%&'*+.^`|~-]+$/.test(l.slice(0, colon).trim())) {
			throw new Error(`header line ${i + 1}, "${l}", is not of the form Name: value`);
		}
		out.push([l.slice(0, colon).trim(), l.slice(colon + 1).trim()]);
	});
	return out;
}

export function requestOf(method: string, base: string, path: string, form: Form): Request {
	const query = form.query.trim().replace(/^\?/, '');
	return {
		method: method === '*' ? 'GET' : method,
		url: base.replace(/\/+$/, '') + path + (query ? `?${query}` : ''),
		headers: parseHeaders(form.headers),
		body: form.body,
	};
}

/** Whether a request may be sent again without being asked: by its method it changes nothing. */
export function isSafe(method: string): boolean {
	return ['GET', 'HEAD', 'OPTIONS', '*'].includes(method);
}
