// The difference between two texts by lines: Myers' algorithm, bounded.

export type DiffLine = { kind: 'same' | 'added' | 'removed'; text: string };

export type Diff = {
	lines: DiffLine[];
	added: number;
	removed: number;
	/** The texts differ too much to be compared line by line; lines is empty. */
	tooMuch: boolean;
};

/** How many lines may differ. The work grows with the square of it. */
const maxEdits = 2_000;

export function diffLines(before: string, after: string): Diff {
	const a = splitLines(before);
	const b = splitLines(after);
	let from = 0;
	while (from < a.length && from < b.length && a[from] === b[from]) {
		from++;
	}
	let tail = 0;
	while (tail < a.length - from && tail < b.length - from && a[a.length - 1 - tail] === b[b.length - 1 - tail]) {
		tail++;
	}
	const middle = myers(a.slice(from, a.length - tail), b.slice(from, b.length - tail));
	if (!middle) {
		return { lines: [], added: 0, removed: 0, tooMuch: true };
	}
	const same = (text: string): DiffLine => ({ kind: 'same', text });
	return {
		lines: [...a.slice(0, from).map(same), ...middle, ...a.slice(a.length - tail).map(same)],
		added: middle.filter(l => l.kind === 'added').length,
		removed: middle.filter(l => l.kind === 'removed').length,
		tooMuch: false,
	};
}

/** Leaves out the lines that are the same, but for `around` of them on each side of a change. A gap becomes one line that counts them. */
export function folded(lines: readonly DiffLine[], around = 3): (DiffLine | { kind: 'gap'; text: string })[] {
	const near = new Uint8Array(lines.length);
	lines.forEach((l, i) => {
		if (l.kind !== 'same') {
			near.fill(1, Math.max(0, i - around), i + around + 1);
		}
	});
	const out: (DiffLine | { kind: 'gap'; text: string })[] = [];
	for (let i = 0; i < lines.length; ) {
		const line = lines[i];
		if (near[i] === 1 && line) {
			out.push(line);
			i++;
			continue;
		}
		const start = i;
		while (i < lines.length && near[i] === 0) {
			i++;
		}
		out.push({ kind: 'gap', text: i - start === 1 ? '1 line as before' : `${i - start} lines as before` });
	}
	return out;
}

function splitLines(text: string): string[] {
	return text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/** Returns the shortest edit script, or undefined if it is longer than maxEdits. */
function myers(a: readonly string[], b: readonly string[]): DiffLine[] | undefined {
	const max = Math.min(a.length + b.length, maxEdits);
	const offset = max + 1;
	const v = new Int32Array(2 * max + 3);
	const trace: Int32Array[] = [];
	for (let d = 0; d <= max; d++) {
		trace.push(v.slice(offset - d - 1, offset + d + 2));
		for (let k = -d; k <= d; k += 2) {
			const left = v[offset + k - 1] ?? 0;
			const right = v[offset + k + 1] ?? 0;
			let x = k === -d || (k !== d && left < right) ? right : left + 1;
			while (x < a.length && x - k < b.length && a[x] === b[x - k]) {
				x++;
			}
			v[offset + k] = x;
			if (x >= a.length && x - k >= b.length) {
				return backtrack(a, b, trace, d);
			}
		}
	}
	return undefined;
}

/** Walks the trace from the end to the start. trace[d] holds the row before step d, from diagonal -d-1 on. */
function backtrack(a: readonly string[], b: readonly string[], trace: readonly Int32Array[], steps: number): DiffLine[] {
	const out: DiffLine[] = [];
	let x = a.length;
	let y = b.length;
	for (let d = steps; d >= 0; d--) {
		const row = trace[d] ?? new Int32Array();
		const at = (k: number) => row[k + d + 1] ?? 0;
		const k = x - y;
		const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
		const prevK = down ? k + 1 : k - 1;
		const prevX = d === 0 ? 0 : at(prevK);
		const prevY = d === 0 ? 0 : prevX - prevK;
		while (x > prevX && y > prevY) {
			out.push({ kind: 'same', text: a[--x] ?? '' });
			y--;
		}
		if (d > 0) {
			out.push(down ? { kind: 'added', text: b[--y] ?? '' } : { kind: 'removed', text: a[--x] ?? '' });
		}
	}
	return out.reverse();
}
