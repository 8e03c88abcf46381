// The settings that the server knows, as docs/lsp.md lists them. In VS Code they stand below `anvilLsp`, on the wire below `anvil`.

/** Name and default of each setting that is sent to the server. */
export const serverSettings = {
	onSave: 'always',
	onBreak: 'restart',
	autoStart: true,
	address: '',
	main: '',
	cwd: '',
	tags: [] as string[],
	assets: [] as string[],
	race: false,
	debug: false,
	args: [] as string[],
	startTimeout: 30,
	codeLens: true,
	hover: true,
	inlayHints: false,
	checkDelay: 60,
	buildAhead: true,
	compileErrors: 'auto',
};

export type ServerSettings = { [K in keyof typeof serverSettings]: (typeof serverSettings)[K] };

/** The section that the server asks for. */
export const serverSection = 'anvil';
/** The section that users write. */
export const section = 'anvilLsp';

/** Reads the server's settings through get, which returns undefined for what is not set. */
export function readSettings(get: (key: string) => unknown): ServerSettings {
	const out: Record<string, unknown> = {};
	for (const [key, fallback] of Object.entries(serverSettings)) {
		const value = get(key);
		out[key] = sameKind(value, fallback) ? value : fallback;
	}
	return out as ServerSettings;
}

/**
 * Where the Go extension runs gopls, errors of the compiler are left to it, but for code that only our build tags select. The server
 * can see this by itself on Linux only; here it is known.
 */
export function leaveToGopls(s: ServerSettings, gopls: boolean): ServerSettings {
	return s.compileErrors === 'auto' && gopls && s.tags.length === 0 ? { ...s, compileErrors: 'never' } : s;
}

/** A value of a wrong type, which settings.json may hold, is as good as none. */
function sameKind(value: unknown, fallback: unknown): boolean {
	if (Array.isArray(fallback)) {
		return Array.isArray(value) && value.every(v => typeof v === 'string');
	}
	return typeof value === typeof fallback;
}

/**
 * Answers workspace/configuration: for each item the settings below its section. Of another section than the server's own, such as
 * gopls's, nothing is told.
 */
export function answerConfiguration<R>(
	items: readonly { section?: string | null; scopeUri?: string }[],
	read: (scope: string | undefined) => R,
): (R | R[keyof R] | null)[] {
	return items.map(item => {
		const [head, ...rest] = (item.section ?? serverSection).split('.');
		if (head !== serverSection) {
			return null;
		}
		const all = read(item.scopeUri);
		const key = rest.join('.') as keyof R;
		return rest.length === 0 ? all : (all[key] ?? null);
	});
}
