// Whether a workspace has anything to do with anvil. This runs in every workspace with a go.mod or an open Go file, so it is cheap,
// bounded, and gives way to everything else: first the go.mod files that name the module, then the Go files below those.
import type { Dirent } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

export const modulePath = 'github.com/anvilforge/anvil-lsp';
export const registerName = 'AnvilRegisterRoutes';

export type Relevance = {
	/** Some Go file declares AnvilRegisterRoutes. */
	matters: boolean;
	/** Directories whose go.mod, in them or above, has anvil-lsp as a tool. */
	toolDirs: string[];
};

export type Bounds = {
	/** How many directory entries are looked at. */
	entries: number;
	/** How deep a go.mod may lie. */
	depth: number;
	/** Bytes of a Go file that are read; larger ones are generated. */
	fileSize: number;
};

export const defaultBounds: Bounds = { entries: 50_000, depth: 6, fileSize: 1 << 20 };

/** Looks through the folders. It ends early, with what it has, if the signal aborts or the bounds are reached. */
export async function lookThrough(folders: readonly string[], signal: AbortSignal, bounds: Bounds = defaultBounds): Promise<Relevance> {
	const result: Relevance = { matters: false, toolDirs: [] };
	const budget = { entries: bounds.entries };
	const look = async (dir: string, mod: string) => {
		if (!mentions(mod)) {
			return;
		}
		if (isTool(mod)) {
			result.toolDirs.push(dir);
		}
		result.matters ||= await declares(dir, budget, bounds, signal);
	};
	for (const folder of folders) {
		for await (const dir of modules(folder, bounds.depth, budget, signal)) {
			await look(dir, await read(path.join(dir, 'go.mod'), bounds.fileSize));
		}
		// Of the module around it only the folder is searched: an application elsewhere in it may have nothing to do with the folder.
		if (!(await exists(path.join(folder, 'go.mod')))) {
			await look(folder, await modAbove(folder, bounds.fileSize));
		}
	}
	return result;
}

/** Says whether a Go file's text declares the function, or a variable in its place, and not only speaks of it. */
export function declaresRoutes(text: string): boolean {
	return new RegExp(`^(func ${registerName}\\(|var ${registerName} )`, 'm').test(text);
}

function mentions(mod: string): boolean {
	return mod.includes(modulePath);
}

/** `tool github.com/anvilforge/anvil-lsp/cmd/anvil-lsp`, alone or in a block. */
function isTool(mod: string): boolean {
	return new RegExp(`^\\s*(tool\\s+)?${modulePath.replaceAll('.', '\\.')}/cmd/anvil-lsp\\s*(//.*)?$`, 'm').test(mod);
}

/** Reads the nearest go.mod above a directory; empty if there is none. */
async function modAbove(dir: string, limit: number): Promise<string> {
	for (let at = path.dirname(dir); ; at = path.dirname(at)) {
		const file = path.join(at, 'go.mod');
		if (await exists(file)) {
			return read(file, limit);
		}
		if (at === path.dirname(at)) {
			return '';
		}
	}
}

/** Yields the directories with a go.mod below folder, nearest first. */
async function* modules(folder: string, depth: number, budget: { entries: number }, signal: AbortSignal): AsyncGenerator<string> {
	let level = [folder];
	for (let d = 0; d <= depth && level.length > 0; d++) {
		const next: string[] = [];
		for (const dir of level) {
			const entries = await list(dir, budget, signal);
			if (entries.some(e => e.name === 'go.mod' && e.isFile())) {
				yield dir;
			}
			next.push(...entries.filter(searchable).map(e => path.join(dir, e.name)));
		}
		level = next;
	}
}

async function declares(dir: string, budget: { entries: number }, bounds: Bounds, signal: AbortSignal): Promise<boolean> {
	const entries = await list(dir, budget, signal);
	for (const e of entries) {
		if (e.isFile() && e.name.endsWith('.go') && !e.name.endsWith('_test.go') && declaresRoutes(await read(path.join(dir, e.name), bounds.fileSize))) {
			return true;
		}
	}
	for (const e of entries) {
		const below = path.join(dir, e.name);
		// Another module below is looked at by itself.
		if (searchable(e) && !(await exists(path.join(below, 'go.mod'))) && (await declares(below, budget, bounds, signal))) {
			return true;
		}
	}
	return false;
}

/** Directories in which the server does not look for an application either (internal/build/discover). */
const skipped = ['testdata', 'node_modules', 'vendor'];

function searchable(e: Dirent): boolean {
	return e.isDirectory() && !e.name.startsWith('.') && !e.name.startsWith('_') && !skipped.includes(e.name);
}

async function list(dir: string, budget: { entries: number }, signal: AbortSignal): Promise<Dirent[]> {
	if (signal.aborted || budget.entries <= 0) {
		return [];
	}
	try {
		const entries = await fs.readdir(dir, { withFileTypes: true });
		budget.entries -= entries.length;
		return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
	} catch {
		return []; // unreadable or gone: nothing to find there
	}
}

async function read(file: string, limit: number): Promise<string> {
	try {
		const stat = await fs.stat(file);
		return stat.size > limit ? '' : await fs.readFile(file, 'utf8');
	} catch {
		return '';
	}
}

async function exists(file: string): Promise<boolean> {
	return fs.access(file).then(
		() => true,
		() => false,
	);
}
