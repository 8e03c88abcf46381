// Which anvil-lsp this extension can work with.

/** The oldest server that speaks the protocol of docs/lsp.md as this extension knows it. */
export const minimumVersion = '0.1.0';

/**
 * Reads the version out of what `anvil-lsp --version` prints: `anvil-lsp v0.1.0 go1.26.8 linux/amd64 …`. Undefined if this is
 * something else's output.
 */
export function parseVersion(output: string): string | undefined {
	return /^anvil-lsp (\S+)/m.exec(output)?.[1];
}

/**
 * Says whether a server of this version is too old. A build from a checkout, `(devel)` or a pseudo-version without a release before it,
 * is as new as its developer wants it to be.
 */
export function tooOld(version: string, minimum = minimumVersion): boolean {
	const have = numbers(version);
	const want = numbers(minimum);
	if (!have || !want || isUntagged(version)) {
		return false;
	}
	for (let i = 0; i < 3; i++) {
		const d = (have[i] ?? 0) - (want[i] ?? 0);
		if (d !== 0) {
			return d < 0;
		}
	}
	return false;
}

function numbers(version: string): number[] | undefined {
	const m = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version);
	return m?.slice(1).map(Number);
}

/** v0.0.0-20260102150405-abcdefabcdef: a commit of a repository that has no release yet. */
function isUntagged(version: string): boolean {
	return /^v0\.0\.0-\d{14}-[0-9a-f]{12}/.test(version);
}
