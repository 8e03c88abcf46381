// A request as a curl command.
import type { Request } from './send';

export function curl(r: Request): string {
	const parts = ['curl', '-i'];
	if (/[[\]{}]/.test(r.url)) {
		parts.push('-g'); // else curl takes them for a set or a range of addresses
	}
	if (r.method === 'HEAD') {
		parts.push('--head');
	} else if (r.method !== 'GET' || r.body) {
		parts.push('-X', quote(r.method));
	}
	for (const [name, value] of r.headers) {
		// curl drops a header that is written without a value, and sends it empty when a semicolon stands there.
		parts.push('-H', quote(value === '' ? `${name};` : `${name}: ${value}`));
	}
	if (r.body) {
		parts.push('--data-raw', quote(r.body));
	}
	parts.push(quote(r.url));
	return parts.join(' ');
}

/** Quotes for a POSIX shell, where it is needed. */
export function quote(s: string): string {
	return /^[\w@%+=:,./-]+$/.test(s) ? s : `'${s.replaceAll("'", `'\\''`)}'`;
}
