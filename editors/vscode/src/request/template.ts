// From a route to a request: which values its pattern wants, and the address with them filled in.
import { segmentsOf } from '../routes/tree';

export type Parameter = {
	/** As the pattern names it; `*` for a trailing wildcard. */
	name: string;
	/** The regular expression behind a colon, if there is one. */
	expression: string;
};

/** The parameters of a pattern in order: `/posts/{id}/{rest:.*}` → id, rest; `/static/*` → `*`. */
export function parametersOf(pattern: string): Parameter[] {
	const out: Parameter[] = [];
	for (const s of segmentsOf(pattern)) {
		for (const inner of braces(s)) {
			const colon = inner.indexOf(':');
			out.push(colon < 0 ? { name: inner.replace(/\.\.\.$/, ''), expression: '' } : { name: inner.slice(0, colon), expression: inner.slice(colon + 1) });
		}
		if (s.endsWith('*') && !s.endsWith('}')) {
			out.push({ name: '*', expression: '' });
		}
	}
	return out;
}

/** Fills a pattern. What has no value stays as it stands, so that a person sees what is missing. */
export function fillPattern(pattern: string, values: Readonly<Record<string, string>>): string {
	return (
		'/' +
		segmentsOf(pattern)
			.map(s => {
				let out = '';
				let at = 0;
				for (const { from, to, inner } of spans(s)) {
					const name = (inner.split(':')[0] ?? '').replace(/\.\.\.$/, '');
					const value = values[name];
					out += s.slice(at, from) + (value ? encode(value, inner.endsWith('...')) : s.slice(from, to));
					at = to;
				}
				out += s.slice(at);
				const rest = values['*'];
				return out.endsWith('*') && rest !== undefined ? out.slice(0, -1) + encode(rest, true) : out;
			})
			.join('/') +
		(pattern.length > 1 && pattern.endsWith('/') ? '/' : '')
	);
}

/** A first value for a parameter: something that its name or expression suggests. */
export function guess(p: Parameter): string {
	if (p.name === '*') {
		return '';
	}
	return /id$|^n(o|um|umber)?$|page/i.test(p.name) || /^\^?(\[0-9\]|\\d)/.test(p.expression) ? '1' : p.name;
}

/** What is asked for one value of a pattern. */
export type Question = {
	parameter: Parameter;
	/** Proposed as the answer. */
	value: string;
	/** This is the step-th of so many. */
	step: number;
	steps: number;
};

/**
 * Asks for the values of a pattern's parameters, one after the other. What was answered the last time is proposed again. Resolves to
 * undefined when an answer is undefined: whoever is asked has changed their mind.
 */
export async function askValues(
	pattern: string,
	last: Readonly<Record<string, string>>,
	ask: (q: Question) => PromiseLike<string | undefined>,
): Promise<Record<string, string> | undefined> {
	const values: Record<string, string> = {};
	const parameters = parametersOf(pattern);
	for (const [i, parameter] of parameters.entries()) {
		const answer = await ask({ parameter, value: last[parameter.name] ?? guess(parameter), step: i + 1, steps: parameters.length });
		if (answer === undefined) {
			return undefined;
		}
		values[parameter.name] = answer;
	}
	return values;
}

function encode(value: string, keepSlashes: boolean): string {
	return keepSlashes ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);
}

function braces(segment: string): string[] {
	return spans(segment).map(s => s.inner);
}

/** The outermost pairs of braces; an expression may hold braces of its own: `{id:[0-9]{4}}`. */
function spans(segment: string): { from: number; to: number; inner: string }[] {
	const out: { from: number; to: number; inner: string }[] = [];
	let depth = 0;
	let from = 0;
	for (let i = 0; i < segment.length; i++) {
		if (segment[i] === '{' && depth++ === 0) {
			from = i;
		} else if (segment[i] === '}' && depth > 0 && --depth === 0) {
			out.push({ from, to: i + 1, inner: segment.slice(from + 1, i) });
		}
	}
	return out;
}
