// Sends one HTTP request and tells everything about the answer. Redirects are not followed: what the route said is what is shown.
import * as http from 'node:http';
import type { Header } from './messages';

export type Request = { method: string; url: string; headers: readonly Header[]; body: string };

export type Response = {
	status: number;
	statusText: string;
	/** Milliseconds from sending to the first byte, and to the last one. */
	firstByteMs: number;
	totalMs: number;
	headers: Header[];
	/** The body as text; of a binary one, a sentence about it. */
	body: string;
	bytes: number;
	/** Not all of the body is here: it was longer than the limit, or did not end in time. */
	cut: string;
};

export type SendOptions = {
	/** Milliseconds without an end after which the answer is cut; a stream never ends by itself. */
	timeout: number;
	/** Bytes of a body that are kept. */
	limit: number;
	signal?: AbortSignal;
};

export const defaultSend: SendOptions = { timeout: 30_000, limit: 1 << 20 };

/**
 * Says whether a request may go to this address. The panel is for the live server; an address that is not loopback, typed or put there
 * by a workspace's pattern, is refused.
 */
export function isLoopback(url: string): boolean {
	try {
		const u = new URL(url);
		return u.protocol === 'http:' && (u.hostname === 'localhost' || u.hostname === '[::1]' || /^127(\.\d+){3}$/.test(u.hostname));
	} catch {
		return false;
	}
}

/** Sends a request. Rejects with a sentence if there is no answer. */
export function send(r: Request, o: SendOptions = defaultSend): Promise<Response> {
	if (!isLoopback(r.url)) {
		return Promise.reject(new Error(`${r.url} is not an address of the live server: requests go to loopback addresses with http only`));
	}
	return new Promise((resolve, reject) => {
		const started = performance.now();
		const headers: Record<string, string[]> = {};
		for (const [name, value] of r.headers) {
			(headers[name] ??= []).push(value);
		}
		const req = http.request(r.url, { method: r.method, headers, agent: false, ...(o.signal ? { signal: o.signal } : {}) });
		const timer = setTimeout(() => req.destroy(new Error(`no answer within ${o.timeout / 1000} s`)), o.timeout);
		req.once('error', err => {
			clearTimeout(timer);
			reject(new Error(words(err)));
		});
		req.once('response', res => {
			clearTimeout(timer);
			const firstByteMs = performance.now() - started;
			const chunks: Buffer[] = [];
			let bytes = 0;
			let cut = '';
			const end = (why: string) => {
				cut ||= why;
				res.destroy();
			};
			const bodyTimer = setTimeout(() => end(`it did not end within ${o.timeout / 1000} s`), o.timeout);
			res.on('data', (c: Buffer) => {
				if (bytes < o.limit) {
					chunks.push(c.subarray(0, o.limit - bytes));
				}
				bytes += c.length;
				if (bytes > o.limit) {
					end(`only the first ${o.limit >> 10} KiB are shown`);
				}
			});
			// An error after the head leaves what came until then.
			res.once('error', err => (cut ||= words(err)));
			res.once('close', () => {
				clearTimeout(bodyTimer);
				const all = headerList(res.rawHeaders);
				resolve({
					status: res.statusCode ?? 0,
					statusText: res.statusMessage ?? '',
					firstByteMs,
					totalMs: performance.now() - started,
					headers: all,
					body: textOf(Buffer.concat(chunks), all),
					bytes,
					cut: cut || (res.complete ? '' : 'the connection was closed before its end'),
				});
			});
		});
		req.end(r.body);
	});
}

/** Makes a body readable: JSON indented, text as it is, a sentence about anything else. */
export function textOf(body: Buffer, headers: readonly Header[]): string {
	const type = headers.find(([n]) => n.toLowerCase() === 'content-type')?.[1] ?? '';
	let text: string;
	try {
		text = new TextDecoder('utf-8', { fatal: true }).decode(body);
	} catch {
		return `(${body.length} bytes of ${type || 'binary data'})`;
	}
	if (/[/+]json\b/.test(type)) {
		try {
			return JSON.stringify(JSON.parse(text), null, 2);
		} catch {
			return text; // says it is JSON, and is not, or not all of it
		}
	}
	return text;
}

function headerList(raw: readonly string[]): Header[] {
	const out: Header[] = [];
	for (let i = 0; i + 1 < raw.length; i += 2) {
		out.push([raw[i] ?? '', raw[i + 1] ?? '']);
	}
	return out;
}

function words(err: Error & { code?: string }): string {
	switch (err.code) {
		case 'ECONNREFUSED':
			return 'nothing listens at this address: is the live server off?';
		case 'ECONNRESET':
			return 'the live server closed the connection without an answer';
		case 'ABORT_ERR':
			return 'cancelled';
		default:
			return err.message;
	}
}
