// Routes as a tree by path. Pure: the view shows what stands here.
import type { Route } from '../protocol';
import { routeKey, routeTitle } from './name';

export type PathNode = {
	kind: 'path';
	id: string;
	/** `/posts`, or several segments where nothing branches: `/api/v1`. */
	label: string;
	/** The whole path to here. */
	path: string;
	children: Node[];
	routes: number;
	/** Trouble below this node. */
	breaks: number;
	panics: number;
};

export type RouteNode = { kind: 'route'; id: string; label: string; route: Route };

/** Only where the window has several applications. */
export type FolderNode = { kind: 'folder'; id: string; label: string; folder: string; children: Node[]; breaks: number; panics: number };

export type Node = FolderNode | PathNode | RouteNode;

type Trie = { segments: Map<string, Trie>; routes: Route[] };

/** Builds the tree of the routes that fit the filter. Everything is sorted: folders, paths, then methods. */
export function buildTree(routes: readonly Route[], filter = ''): Node[] {
	const byFolder = new Map<string, Route[]>();
	for (const r of routes.filter(matcher(filter))) {
		byFolder.set(r.folder, [...(byFolder.get(r.folder) ?? []), r]);
	}
	const folders = [...byFolder].sort(([a], [b]) => compare(a, b));
	const trees = folders.map(([folder, rs]) => ({ folder, children: childrenOf(trieOf(rs), folder, '') }));
	const [only] = trees;
	if (trees.length === 1 && only) {
		return only.children;
	}
	return trees.map(t => ({ kind: 'folder', id: t.folder, label: lastSegment(t.folder), folder: t.folder, children: t.children, ...trouble(t.children) }));
}

/** Every word of the filter must occur in the method, pattern or handler; case does not matter. */
export function matcher(filter: string): (r: Route) => boolean {
	const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
	return r => {
		const text = `${r.method} ${r.pattern} ${r.handler}`.toLowerCase();
		return words.every(w => text.includes(w));
	};
}

function trieOf(routes: readonly Route[]): Trie {
	const root: Trie = { segments: new Map(), routes: [] };
	for (const r of routes) {
		let at = root;
		for (const s of segmentsOf(r.pattern)) {
			let next = at.segments.get(s);
			if (!next) {
				next = { segments: new Map(), routes: [] };
				at.segments.set(s, next);
			}
			at = next;
		}
		at.routes.push(r);
	}
	return root;
}

/** `/api/posts/{id:[0-9/]+}` → api, posts, {id:[0-9/]+}. A slash within braces does not separate. */
export function segmentsOf(pattern: string): string[] {
	const out: string[] = [];
	let depth = 0;
	let from = 1;
	for (let i = 1; i <= pattern.length; i++) {
		const c = pattern[i];
		depth += c === '{' ? 1 : c === '}' ? -1 : 0;
		if (i === pattern.length || (c === '/' && depth <= 0)) {
			if (i > from) {
				out.push(pattern.slice(from, i));
			}
			from = i + 1;
		}
	}
	return out;
}

function childrenOf(t: Trie, folder: string, path: string): Node[] {
	const own: Node[] = [...t.routes].sort(byMethod).map(routeNode);
	const below = [...t.segments].sort(([a], [b]) => compare(a, b)).flatMap(([s, sub]) => nodesOf(sub, folder, path, `/${s}`));
	return [...own, ...below];
}

function nodesOf(t: Trie, folder: string, path: string, label: string): Node[] {
	// A path with nothing but one more segment below is one node with it.
	while (t.routes.length === 0 && t.segments.size === 1) {
		const [[s, sub]] = [...t.segments] as [[string, Trie]];
		label += `/${s}`;
		t = sub;
	}
	const full = path + label;
	const children = childrenOf(t, folder, full);
	if (t.segments.size === 0 && t.routes.length === 1) {
		return children; // the route says its path itself
	}
	return [{ kind: 'path', id: `${folder} ${full}`, label, path: full, children, ...trouble(children) }];
}

function routeNode(r: Route): RouteNode {
	return { kind: 'route', id: routeKey(r) + (r.pending ? ' pending' : ''), label: routeTitle(r), route: r };
}

function trouble(children: readonly Node[]): { routes: number; breaks: number; panics: number } {
	const sum = { routes: 0, breaks: 0, panics: 0 };
	for (const c of children) {
		if (c.kind === 'route') {
			sum.routes++;
			sum.breaks += c.route.break ? 1 : 0;
			sum.panics += c.route.panic ? 1 : 0;
		} else {
			sum.routes += c.kind === 'path' ? c.routes : 0;
			sum.breaks += c.breaks;
			sum.panics += c.panics;
		}
	}
	return sum;
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE', '*'];

function byMethod(a: Route, b: Route): number {
	return methods.indexOf(a.method) - methods.indexOf(b.method) || compare(a.pattern, b.pattern);
}

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

function lastSegment(uri: string): string {
	return decodeURIComponent(uri.replace(/\/+$/, '').split('/').at(-1) ?? uri);
}
