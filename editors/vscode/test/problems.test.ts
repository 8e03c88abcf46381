import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { advise, problemOf, stateOf } from '../src/server/problems';

const refused = (more = {}) => ({ what: '/bin/anvil-lsp', from: 'PATH', why: 'may not be executed', ...more });

describe('problems', () => {
	it('are told apart', () => {
		assert.equal(problemOf('', []).kind, 'missing');
		assert.equal(problemOf('', [refused()]).kind, 'missing');
		assert.equal(problemOf('', [refused(), refused({ tooOld: 'v0.0.1' })]).kind, 'tooOld');
		assert.equal(problemOf('/bin/anvil-lsp', [refused()]).kind, 'setting');
		assert.equal(problemOf('/bin/anvil-lsp', [refused({ tooOld: 'v0.0.1' })]).kind, 'tooOld');
	});

	it('are answered with what helps: while a setting names the program, only another path', () => {
		const answer = (...args: Parameters<typeof problemOf>) => [stateOf(problemOf(...args)), ...advise(problemOf(...args)).remedies];
		assert.deepEqual(answer('', []), ['missing', 'install', 'setPath']);
		assert.deepEqual(answer('', [refused({ tooOld: 'v0.0.1' })]), ['missing', 'install', 'setPath']);
		assert.deepEqual(answer('/bin/anvil-lsp', [refused({ tooOld: 'v0.0.1' })]), ['badPath', 'setPath']);
		assert.deepEqual(answer('/bin/anvil-lsp', [refused()]), ['badPath', 'setPath', 'showOutput']);
		assert.equal(stateOf({ kind: 'noGo' }), 'failed');
	});

	it('say what happened, where, and what to do', () => {
		const say = (p: Parameters<typeof advise>[0]) => [advise(p).message, ...advise(p).remedies];
		assert.deepEqual(say({ kind: 'missing', rejected: [refused()] }), [
			'Anvil: the anvil-lsp program was not found on PATH, in GOBIN or in GOPATH/bin. /bin/anvil-lsp (PATH) may not be executed. Install it with go install?',
			'install',
			'setPath',
		]);
		assert.deepEqual(say({ kind: 'tooOld', what: '/bin/anvil-lsp', from: 'PATH', version: 'v0.0.9' }), [
			'Anvil: /bin/anvil-lsp (PATH) is version v0.0.9; this extension needs v0.1.0 or later.',
			'install',
			'setPath',
		]);
		assert.equal(say({ kind: 'setting', what: '/x', why: 'does not exist' })[0], 'Anvil: the setting anvilLsp.server.path names /x, which does not exist.');
		assert.equal(say({ kind: 'setting', what: '/x', why: 'segmentation fault' })[0], 'Anvil: the setting anvilLsp.server.path names /x, which fails: segmentation fault.');
		assert.deepEqual(say({ kind: 'silent', what: 'anvil-lsp', seconds: 30 }), ['Anvil: anvil-lsp did not answer within 30 s and was ended.', 'startAgain', 'showOutput']);
		assert.match(say({ kind: 'noGo' })[0] ?? '', /no go command/);
		assert.match(say({ kind: 'platform' })[0] ?? '', /WSL/);
	});
});
