import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { curl, quote } from '../src/request/curl';
import { diffLines, folded } from '../src/request/diff';
import { comparable, compare, isSafe, parseHeaders, requestOf } from '../src/request/exchange';
import { defaultSend, isLoopback, send, type Response } from '../src/request/send';
import { askValues, fillPattern, guess, parametersOf, type Question } from '../src/request/template';

describe('patterns', () => {
	it('tell their parameters', () => {
		const names = (p: string) => parametersOf(p).map(x => (x.expression ? `${x.name}:${x.expression}` : x.name));
		assert.deepEqual(names('/posts/{id}/comments/{n:[0-9]{1,3}}'), ['id', 'n:[0-9]{1,3}']);
		assert.deepEqual(names('/static/*'), ['*']);
		assert.deepEqual(names('/{from}-{to}/{rest...}'), ['from', 'to', 'rest']);
		assert.deepEqual(names('/'), []);
	});

	it('are filled; what has no value stays', () => {
		assert.equal(fillPattern('/posts/{id}/c/{n:[0-9]{1,3}}', { id: 'a b/c', n: '7' }), '/posts/a%20b%2Fc/c/7');
		assert.equal(fillPattern('/posts/{id}', {}), '/posts/{id}');
		assert.equal(fillPattern('/static/*', { '*': 'css/site.css' }), '/static/css/site.css');
		assert.equal(fillPattern('/{from}-{to}/', { from: '1', to: '2' }), '/1-2/');
		assert.equal(fillPattern('/{rest...}', { rest: 'a/b' }), '/a/b');
		assert.equal(fillPattern('/', {}), '/');
	});

	it('suggest values', () => {
		assert.deepEqual([...parametersOf('/{id}/{postID}/{slug}/{x:[0-9]+}/*')].map(guess), ['1', '1', 'slug', '1', '']);
	});
});

describe('the values of a pattern', () => {
	const ask = async (pattern: string, last: Record<string, string>, answers: (string | undefined)[]) => {
		const asked: Question[] = [];
		const values = await askValues(pattern, last, q => {
			asked.push(q);
			return Promise.resolve(answers[asked.length - 1]);
		});
		return { values, asked: asked.map(q => `${q.parameter.name} ${String(q.step)}/${String(q.steps)} ${q.value}`.trim()) };
	};

	it('are asked for one after the other, with something to begin with', async () => {
		const { values, asked } = await ask('/posts/{id:[0-9]{1,3}}/{slug}/*', { slug: 'hello' }, ['7', 'a b', 'x/y']);
		assert.deepEqual(asked, ['id 1/3 1', 'slug 2/3 hello', '* 3/3']);
		assert.equal(fillPattern('/posts/{id:[0-9]{1,3}}/{slug}/*', values ?? {}), '/posts/7/a%20b/x/y');
	});

	it('are none without parameters, and none if one is not given', async () => {
		assert.deepEqual(await ask('/posts', {}, []), { values: {}, asked: [] });
		assert.deepEqual(await ask('/{a}/{b}', {}, ['x', undefined]), { values: undefined, asked: ['a 1/2 a', 'b 2/2 b'] });
	});
});

describe('send', () => {
	let server: http.Server;
	let base = '';
	beforeEach(async () => {
		server = http.createServer((req, res) => {
			let body = '';
			req.on('data', (c: Buffer) => (body += c.toString()));
			req.on('end', () => answer(req, res, body));
		});
		await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
		base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
	});
	afterEach(() => {
		server.closeAllConnections();
		server.close();
	});
	const get = (path: string, o = {}) => send({ method: 'GET', url: base + path, headers: [], body: '' }, { ...defaultSend, ...o });

	function answer(req: http.IncomingMessage, res: http.ServerResponse, body: string): void {
		switch (req.url) {
			case '/echo':
				res.setHeader('Content-Type', 'application/problem+json');
				res.setHeader('Set-Cookie', ['a=1', 'b=2']);
				res.statusCode = 201;
				res.end(JSON.stringify({ method: req.method, header: req.headers['x-one'], body }));
				return;
			case '/moved':
				res.writeHead(302, { Location: '/echo' }).end();
				return;
			case '/stream':
				res.write('one\n');
				return;
			case '/large':
				res.end('x'.repeat(5000));
				return;
			case '/binary':
				res.setHeader('Content-Type', 'image/png');
				res.end(Buffer.from([0x89, 0xff, 0, 1]));
				return;
			case '/reset':
				res.socket?.destroy();
				return;
			case '/half':
				res.writeHead(200, { 'Content-Length': '10' }).write('half');
				setImmediate(() => res.socket?.destroy());
				return;
			default: // never answers
		}
	}

	it('tells everything about the answer', async () => {
		const r = await send({ method: 'POST', url: `${base}/echo`, headers: [['X-One', 'a'], ['X-One', 'b']], body: 'hello' });
		assert.deepEqual([r.status, r.statusText, r.cut], [201, 'Created', '']);
		assert.deepEqual(JSON.parse(r.body), { method: 'POST', header: 'a, b', body: 'hello' });
		assert.ok(r.body.includes('\n  "method"'), 'JSON is indented');
		assert.deepEqual(
			r.headers.filter(([n]) => n === 'Set-Cookie').map(([, v]) => v),
			['a=1', 'b=2'],
		);
		assert.ok(r.totalMs >= r.firstByteMs && r.firstByteMs > 0);
	});

	it('does not follow redirects', async () => assert.equal((await get('/moved')).status, 302));

	it('cuts what does not end or is too long, and says so', async () => {
		// Both ends share one thread, which may not have its turn for a while.
		const stream = await get('/stream', { timeout: 2000 });
		assert.deepEqual([stream.body, stream.cut], ['one\n', 'it did not end within 2 s']);
		const large = await get('/large', { limit: 2048 });
		assert.deepEqual([large.body.length, large.cut], [2048, 'only the first 2 KiB are shown']);
		const half = await get('/half');
		assert.deepEqual([half.body, half.cut === ''], ['half', false]);
		assert.equal((await get('/binary')).body, '(4 bytes of image/png)');
	});

	it('says why there is no answer', async () => {
		const why = (p: Promise<unknown>) => p.then(() => 'answered', (err: unknown) => (err as Error).message);
		assert.equal(await why(get('/never', { timeout: 50 })), 'no answer within 0.05 s');
		assert.equal(await why(get('/reset')), 'the live server closed the connection without an answer');
		const abort = new AbortController();
		const cancelled = why(get('/never', { signal: abort.signal }));
		abort.abort();
		assert.equal(await cancelled, 'cancelled');
		const gone = base;
		server.closeAllConnections();
		await new Promise(resolve => server.close(resolve));
		assert.equal(await why(send({ method: 'GET', url: gone, headers: [], body: '' })), 'nothing listens at this address: is the live server off?');
	});

	it('goes to loopback only', async () => {
		assert.deepEqual(
			['http://127.0.0.1:80/', 'http://127.9.9.9/', 'http://localhost:1/', 'http://[::1]:1/', 'http://example.com/', 'https://127.0.0.1/', 'http://127.0.0.1@example.com/', 'http://127.0.0.1.example.com/', 'file:///etc/passwd', ''].map(isLoopback),
			[true, true, true, true, false, false, false, false, false, false],
		);
		await assert.rejects(send({ method: 'GET', url: 'http://192.0.2.1/', headers: [], body: '' }), /loopback/);
	});
});

describe('exchange', () => {
	const form = { parameters: {}, query: '?q=1', headers: 'Accept: text/html\n\nX-Empty:\n', body: '', repeat: true };
	const response = (body: string, more: Partial<Response> = {}): Response => ({ status: 200, statusText: 'OK', firstByteMs: 1, totalMs: 2, headers: [['Date', 'now'], ['B', '2'], ['a', '1']], body, bytes: 0, cut: '', ...more });

	it('makes a request of a form', () => {
		assert.deepEqual(requestOf('*', 'http://127.0.0.1:8080/', '/x', form), {
			method: 'GET',
			url: 'http://127.0.0.1:8080/x?q=1',
			headers: [
				['Accept', 'text/html'],
				['X-Empty', ''],
			],
			body: '',
		});
	});

	it('refuses a header line that is none', () => {
		assert.throws(() => parseHeaders('A: b\nnonsense'), /header line 2, "nonsense"/);
		assert.throws(() => parseHeaders('A b: c'), /line 1/);
	});

	it('compares status, headers and body, but not the time', () => {
		assert.equal(comparable(response('x')), '200 OK\na: 1\nb: 2\n\nx');
		const before = { response: response('one\ntwo'), generation: 4 };
		assert.deepEqual(compare(before, response('one\ntwo', { headers: [['a', '1'], ['B', '2'], ['Date', 'later']] })), { generation: 4, same: true, added: 0, removed: 0, tooMuch: false, lines: [] });
		const d = compare(before, response('one\n2'));
		assert.deepEqual([d.same, d.added, d.removed], [false, 1, 1]);
		assert.equal(compare(before, response('one\ntwo', { status: 500 })).same, false);
	});

	it('repeats by itself only what changes nothing', () => {
		assert.deepEqual(['GET', 'HEAD', 'OPTIONS', '*', 'POST', 'PUT', 'PATCH', 'DELETE'].map(isSafe), [true, true, true, true, false, false, false, false]);
	});
});

describe('diff', () => {
	const draw = (a: string, b: string) => diffLines(a, b).lines.map(l => ({ same: ' ', added: '+', removed: '-' })[l.kind] + l.text);

	it('is the shortest one', () => {
		assert.deepEqual(draw('a\nb\nc\n', 'a\nx\nc\n'), [' a', '-b', '+x', ' c']);
		assert.deepEqual(draw('', 'a\n'), ['+a']);
		assert.deepEqual(draw('a', ''), ['-a']);
		assert.deepEqual(draw('same', 'same\n'), [' same']);
		assert.deepEqual(draw('a\nb\nc\na\nb\nb\na', 'c\nb\na\nb\na\nc').filter(l => !l.startsWith(' ')).length, 5);
	});

	it('leads from one text to the other, whatever they are', () => {
		let seed = 42;
		const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
		for (let i = 0; i < 500; i++) {
			const text = () => Array.from({ length: random(12) }, () => 'abc'[random(3)] ?? '');
			const [a, b] = [text(), text()];
			const d = diffLines(a.join('\n'), b.join('\n'));
			assert.deepEqual(d.lines.filter(l => l.kind !== 'added').map(l => l.text), a);
			assert.deepEqual(d.lines.filter(l => l.kind !== 'removed').map(l => l.text), b);
			assert.equal(d.added, d.lines.filter(l => l.kind === 'added').length);
		}
	});

	it('gives up where nearly all is different', () => {
		const lines = (s: string) => Array.from({ length: 3000 }, (_, i) => `${s}${String(i)}`).join('\n');
		assert.equal(diffLines(lines('a'), lines('b')).tooMuch, true);
		assert.equal(diffLines(lines('a'), `${lines('a')}\nend`).added, 1);
	});

	it('is folded around what changed', () => {
		const a = Array.from({ length: 20 }, (_, i) => `l${String(i)}`).join('\n');
		const shown = folded(diffLines(a, a.replace('l10', 'new')).lines, 2).map(l => `${l.kind} ${l.text}`);
		assert.deepEqual(shown, ['gap 8 lines as before', 'same l8', 'same l9', 'removed l10', 'added new', 'same l11', 'same l12', 'gap 7 lines as before']);
	});
});

describe('curl', () => {
	it('quotes for a shell', () => {
		assert.equal(quote('/plain-1.2'), '/plain-1.2');
		assert.equal(quote(`it's`), `'it'\\''s'`);
		assert.equal(curl({ method: 'GET', url: 'http://127.0.0.1:8080/posts/7?a=1&b=2', headers: [], body: '' }), `curl -i 'http://127.0.0.1:8080/posts/7?a=1&b=2'`);
		assert.equal(
			curl({ method: 'POST', url: 'http://127.0.0.1:8080/', headers: [['X', 'a b'], ['Y', '']], body: '{"a":1}' }),
			`curl -i -X POST -H 'X: a b' -H 'Y;' --data-raw '{"a":1}' http://127.0.0.1:8080/`,
		);
		assert.equal(curl({ method: 'HEAD', url: 'http://127.0.0.1/', headers: [], body: '' }), 'curl -i --head http://127.0.0.1/');
		assert.equal(curl({ method: '$(id)', url: 'http://127.0.0.1/', headers: [], body: '' }), `curl -i -X '$(id)' http://127.0.0.1/`);
	});

	it('asks for the address as it stands, whatever is in it', async () => {
		const asked: (string | undefined)[] = [];
		const server = http.createServer((req, res) => {
			asked.push(req.url);
			res.end();
		});
		await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
		const base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
		const paths = ['/posts/{id}', '/posts/{id:[0-9]+}', '/posts?a[]=1&a[]=2', '/posts/7'];
		try {
			for (const path of paths) {
				await promisify(execFile)('sh', ['-c', curl({ method: 'GET', url: base + path, headers: [], body: '' })]);
			}
		} finally {
			server.close();
		}
		assert.deepEqual(asked, paths);
	});
});
