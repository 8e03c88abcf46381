import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Route } from '../src/protocol';
import { description, methodIcon, shortSignature, tooltip } from '../src/routes/describe';
import { buildTree, matcher, segmentsOf, type Node } from '../src/routes/tree';

const route = (method: string, pattern: string, more: Partial<Route> = {}): Route => ({
	folder: 'file:///app',
	method,
	pattern,
	handler: 'handlers.X',
	kind: 'ctx',
	signature: 'func(*hotreload.Ctx) error',
	url: '',
	generation: 3,
	...more,
});

/** The tree as indented text. */
function draw(nodes: Node[], indent = ''): string {
	return nodes.map(n => `${indent}${n.label}\n${n.kind === 'route' ? '' : draw(n.children, `${indent}  `)}`).join('');
}

describe('the tree of routes', () => {
	it('groups by path; a lone route stands for its path', () => {
		const routes = [
			route('POST', '/posts'),
			route('GET', '/posts/{id}'),
			route('GET', '/'),
			route('GET', '/posts'),
			route('POST', '/posts/{id}/comments'),
			route('GET', '/healthz'),
			route('DELETE', '/api/v1/posts/{id}'),
			route('GET', '/api/v1/posts'),
			route('*', '/static/*'),
		];
		assert.equal(
			draw(buildTree(routes)),
			`GET /
/api/v1/posts
  GET /api/v1/posts
  DELETE /api/v1/posts/{id}
GET /healthz
/posts
  GET /posts
  POST /posts
  /{id}
    GET /posts/{id}
    POST /posts/{id}/comments
ANY /static/*
`,
		);
	});

	it('tells a handler from what is mounted at its pattern', () => {
		const ids = buildTree([route('*', '/api'), route('*', '/api', { mount: true }), route('*', '/api', { mount: true, pending: true })])
			.flatMap(n => (n.kind === 'route' ? [n] : n.children))
			.map(n => n.id);
		assert.equal(new Set(ids).size, 3, ids.join());
	});

	it('has a level of folders where there are several', () => {
		const tree = buildTree([route('GET', '/b', { folder: 'file:///ws/shop' }), route('GET', '/a', { folder: 'file:///ws/my%20blog' })]);
		assert.equal(draw(tree), 'my blog\n  GET /a\nshop\n  GET /b\n');
	});

	it('counts trouble on the way up', () => {
		const [posts] = buildTree([
			route('GET', '/posts'),
			route('GET', '/posts/{id}', { break: { code: 'ANV001', message: '' } }),
			route('POST', '/posts/{id}', { panic: { message: '' } }),
		]);
		assert.ok(posts?.kind === 'path');
		assert.deepEqual([posts.label, posts.routes, posts.breaks, posts.panics], ['/posts', 3, 1, 1]);
	});

	it('gives each node an id of its own, a pending route too', () => {
		const ids: string[] = [];
		const collect = (ns: Node[]) =>
			ns.forEach(n => {
				ids.push(n.id);
				if (n.kind !== 'route') {
					collect(n.children);
				}
			});
		collect(buildTree([route('GET', '/a'), route('GET', '/a', { pending: true }), route('POST', '/a'), route('GET', '/a/b'), route('POST', '/a/b'), route('GET', '/a', { folder: 'file:///two' })]));
		assert.equal(new Set(ids).size, ids.length);
	});

	it('is filtered by words of method, path and handler', () => {
		const all = [route('GET', '/posts/{id}', { handler: 'handlers.ShowPost' }), route('POST', '/login', { handler: 'auth.Login' })];
		const fits = (f: string) => all.filter(matcher(f)).map(r => r.pattern);
		assert.deepEqual(fits(''), ['/posts/{id}', '/login']);
		assert.deepEqual(fits('get show'), ['/posts/{id}']);
		assert.deepEqual(fits('AUTH'), ['/login']);
		assert.deepEqual(fits('get login'), []);
		assert.equal(draw(buildTree(all, 'nothing')), '');
	});

	it('splits patterns at slashes, but not within braces', () => {
		assert.deepEqual(segmentsOf('/'), []);
		assert.deepEqual(segmentsOf('/a/{p:[a/b]+}/{q:x{2}}/'), ['a', '{p:[a/b]+}', '{q:x{2}}']);
	});
});

describe('the words about a route', () => {
	it('are its counters and its handler', () => {
		assert.equal(description(route('GET', '/')), 'handlers.X');
		const stats = { requests: 12, errors: 1, p50Ms: 1.84, lastStatus: 200, lastMs: 2, lastAt: '' };
		assert.equal(description(route('GET', '/', { stats })), '12 requests · 1 error · p50 1.8 ms · last 200 · handlers.X');
		assert.equal(description(route('GET', '/', { pending: true, panic: { message: 'x' } })), 'not live yet · panicked · handlers.X');
		assert.equal(shortSignature(route('GET', '/', { handler: 'static', signature: 'http.Handler' })), 'static http.Handler');
	});

	it('cannot smuggle Markdown into the tooltip', () => {
		const text = tooltip(route('GET', '/', { panic: { message: '[x](command:evil) <b>', location: { uri: 'file:///app/a_b.go', range: { start: { line: 6, character: 0 }, end: { line: 6, character: 0 } } } } }));
		assert.ok(text.includes('\\[x\\]\\(command:evil\\) \\<b\\> \\(a\\_b.go:7\\)'), text);
	});

	it('cannot smuggle Markdown through a pattern or a signature', () => {
		for (const pattern of ['/a` ![x](https://evil.example/x.png) `', '/a``` [x](command:evil)', '/a\n\n![x](y)']) {
			const [name = '', signature = ''] = tooltip(route('GET', pattern, { signature: `func(struct{ A string \`json:"${pattern}"\` })` })).split('\n\n');
			for (const text of [name.replace('**GET** ', ''), signature]) {
				const fence = /^`+/.exec(text)?.[0] ?? '';
				const inside = text.slice(fence.length, text.length - fence.length);
				assert.ok(fence !== '' && text.endsWith(fence), text);
				assert.ok(!(inside.match(/`+/g) ?? []).some(run => run.length >= fence.length), text);
				assert.ok(!text.includes('\n'), text);
			}
		}
	});

	it('have an icon for every method', () => {
		const ids = ['GET', 'POST', 'PUT', 'DELETE', '*', 'BREW'].map(m => methodIcon(m).id);
		assert.equal(new Set(ids).size, ids.length);
	});
});
