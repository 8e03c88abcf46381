#!/usr/bin/env node
// A server that speaks the protocol of docs/lsp.md without doing anything: for unit tests, and for what a real server does not do on
// request (not answering, dying, being old). FAKE_MODE says how it misbehaves; FAKE_LOG names a file for what it hears.
import fs from 'node:fs';
import http from 'node:http';

const mode = process.env.FAKE_MODE ?? '';
const version = mode === 'old' ? 'v0.0.9' : 'v0.1.0';
if (process.argv.includes('--version')) {
	console.log(`anvil-lsp ${version} go1.26.8 linux/amd64`);
	process.exit(0);
}
if (mode === 'stillborn') {
	console.error('anvil-lsp: unknown flag: --stdio');
	process.exit(2);
}
if (process.env.FAKE_PIDS) {
	fs.appendFileSync(process.env.FAKE_PIDS, `${process.pid}\n`);
}

const heard = m => process.env.FAKE_LOG && fs.appendFileSync(process.env.FAKE_LOG, `${JSON.stringify(m)}\n`);
const write = m => {
	const s = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...m }));
	process.stdout.write(`Content-Length: ${s.length}\r\n\r\n`);
	process.stdout.write(s);
};
const notify = (method, params) => write({ method, params });

let folder = '';
let generation = 0;
let trusted = true;
let paused = false;
let requests = 0;
let broken = false;
const live = http.createServer((req, res) => {
	requests++;
	res.setHeader('Content-Type', 'application/json');
	res.end(JSON.stringify({ path: req.url, method: req.method, generation }));
	notify('anvil/routesChanged', { folder });
});

const status = (state, more = {}) =>
	notify('anvil/status', {
		folder, state, generation, url: generation ? `http://127.0.0.1:${live.address()?.port}` : '', lastMs: generation > 1 ? 64 : 0, rung: 'hot-swap',
		message: '', paused, counts: { hot_swaps: generation, restarts: 0, kept: 0, crashes: 0, panics: 0, predicted: 0, mispredicted: 0 }, problems: 0, attached: false, ...more,
	});
const goLive = () => {
	generation++;
	status('live');
	notify('anvil/routesChanged', { folder });
};
const begin = () => {
	status('starting');
	live.listen(0, '127.0.0.1', goLive);
};
const route = (method, pattern, handler, more = {}) => ({
	folder, method, pattern, handler, kind: 'ctx', signature: 'func(*hotreload.Ctx) error', generation,
	location: { uri: `${folder}/handlers/routes.go`, range: { start: { line: 3, character: 1 }, end: { line: 3, character: 5 } } },
	url: '', stats: { requests, errors: 0, p50Ms: 1.8, lastStatus: requests ? 200 : 0, lastMs: 1.2, lastAt: '' }, ...more,
});
const routes = () => [
	route('GET', '/', 'handlers.Home'),
	route('GET', '/posts/{id}', 'handlers.ShowPost', broken ? { break: { code: 'ANV001', message: 'the signature changed' } } : {}),
	route('POST', '/posts', 'handlers.CreatePost', { example: { query: 'draft=false', body: '{\n  "title": ""\n}' }, panic: { message: 'nil map', at: new Date().toISOString() } }),
	route('GET', '/api/v1/posts', 'api.List'),
	route('GET', '/api/v1/tags', 'api.Tags', { pending: true }),
];

function execute(command) {
	switch (command) {
		case 'anvil.reload':
		case 'anvil.restart':
			status(command === 'anvil.reload' ? 'building' : 'restarting');
			goLive();
			return null;
		case 'anvil.rollback':
			status('live', { message: `rolled back to generation ${--generation}` });
			return null;
		case 'anvil.pause':
		case 'anvil.resume':
			paused = command === 'anvil.pause';
			status('live');
			return null;
		case 'anvil.stop':
			generation = 0;
			status('off');
			return null;
		case 'anvil.start':
			goLive();
			return null;
		case 'anvil.showManifestDiff':
			return { text: '- GET /old\n+ GET /new\n' };
		default:
			throw new Error(`unknown command ${command}`);
	}
}

function diagnose(uri, text) {
	broken = /BREAK/.test(text);
	const at = text.split('\n').findIndex(l => l.includes('BREAK'));
	notify('textDocument/publishDiagnostics', {
		uri,
		diagnostics: broken ? [{ range: { start: { line: at, character: 0 }, end: { line: at, character: 5 } }, severity: 2, source: 'anvil', code: 'ANV001', message: 'GET /posts/{id}: the signature changed' }] : [],
	});
	notify('anvil/routesChanged', { folder });
}

const answers = {
	initialize(params) {
		folder = params.workspaceFolders?.[0]?.uri ?? params.rootUri ?? 'file:///app';
		trusted = params.initializationOptions?.trusted ?? true;
		return {
			capabilities: {
				positionEncoding: 'utf-16', textDocumentSync: { openClose: true, change: 1, save: { includeText: false } }, codeLensProvider: {},
				executeCommandProvider: { commands: ['anvil.start', 'anvil.stop', 'anvil.reload', 'anvil.restart', 'anvil.rollback', 'anvil.pause', 'anvil.resume', 'anvil.openRoute', 'anvil.showRoutes', 'anvil.showLog', 'anvil.showManifestDiff'] },
			},
			serverInfo: { name: 'anvil-lsp', version },
		};
	},
	shutdown: () => {
		live.close();
		live.closeAllConnections();
		return null;
	},
	'workspace/executeCommand': params => execute(params.command),
	'anvil/routes': () => ({ routes: generation ? routes() : [] }),
	'anvil/statusOf': () => null,
	'anvil/log': () => ({ text: `log of generation ${generation}\n` }),
	'textDocument/codeLens': () => [{ range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } }, command: { title: `gen ${generation} · test`, command: 'anvil.openRoute', arguments: [{ folder, method: 'GET', pattern: '/' }] } }],
};
const notifications = {
	initialized() {
		if (mode === 'crash') {
			console.error('panic: everything is wrong');
			process.exit(2);
		}
		trusted ? begin() : status('off');
	},
	exit: () => process.exit(0),
	'anvil/trust': p => p.trusted && begin(),
	'textDocument/didOpen': p => diagnose(p.textDocument.uri, p.textDocument.text),
	'textDocument/didChange': p => diagnose(p.textDocument.uri, p.contentChanges.at(-1).text),
	'textDocument/didSave': () => (paused ? undefined : goLive()),
};

function receive(m) {
	heard(m);
	if (m.method === 'initialize' && mode === 'silent') {
		return;
	}
	if (m.id === undefined) {
		notifications[m.method]?.(m.params);
		return;
	}
	if (!m.method) {
		return; // an answer
	}
	if (m.method === 'initialize' && mode === 'refuse') {
		write({ id: m.id, error: { code: -32603, message: 'no' } });
		return;
	}
	try {
		const f = answers[m.method];
		write(f ? { id: m.id, result: f(m.params) } : { id: m.id, error: { code: -32601, message: m.method } });
	} catch (err) {
		write({ id: m.id, error: { code: -32603, message: err.message } });
	}
}

let buffer = Buffer.alloc(0);
process.stdin.on('data', chunk => {
	buffer = Buffer.concat([buffer, chunk]);
	for (;;) {
		const head = buffer.indexOf('\r\n\r\n');
		const length = head < 0 ? NaN : Number(/content-length: (\d+)/i.exec(buffer.subarray(0, head).toString())?.[1]);
		if (!(buffer.length >= head + 4 + length)) {
			return;
		}
		const message = JSON.parse(buffer.subarray(head + 4, head + 4 + length).toString());
		buffer = buffer.subarray(head + 4 + length);
		receive(message);
	}
});
process.stdin.on('end', () => process.exit(0));
