// What can keep the server from running, and how to say it: one message, and what to do about it.
import type { Rejected } from './locate';
import { minimumVersion } from './version';

export type Problem =
	| { kind: 'platform' }
	| { kind: 'noGo' }
	| { kind: 'missing'; rejected: Rejected[] }
	| { kind: 'tooOld'; what: string; from: string; version: string; /** The setting names it. */ set?: true }
	| { kind: 'setting'; what: string; why: string }
	| { kind: 'silent'; what: string; seconds: number }
	| { kind: 'stillborn'; what: string; why: string }
	| { kind: 'gaveUp'; times: number; why: string };

/** What a button of the message does. */
export type Remedy = 'install' | 'setPath' | 'showOutput' | 'startAgain' | 'getGo' | 'useWsl';

export const remedyTitles: Record<Remedy, string> = {
	install: 'Install',
	setPath: 'Set Path',
	showOutput: 'Show Output',
	startAgain: 'Start Again',
	getGo: 'Get Go',
	useWsl: 'About WSL',
};

export type Advice = { message: string; remedies: Remedy[] };

/** Decides from what was found and refused which problem it is. */
export function problemOf(setting: string, rejected: Rejected[]): Problem {
	const old = rejected.find(r => r.tooOld !== undefined);
	if (old?.tooOld !== undefined) {
		return { kind: 'tooOld', what: old.what, from: old.from, version: old.tooOld, ...(setting ? { set: true } : {}) };
	}
	const [first] = rejected;
	if (setting && first) {
		return { kind: 'setting', what: first.what, why: first.why };
	}
	return { kind: 'missing', rejected };
}

export function advise(p: Problem): Advice {
	switch (p.kind) {
		case 'platform':
			return { message: 'Anvil: Go has no plugins on Windows, so code cannot be reloaded there. Open the folder in WSL.', remedies: ['useWsl'] };
		case 'noGo':
			return {
				message: 'Anvil: there is no go command on PATH, in GOROOT or in /usr/local/go/bin. anvil-lsp builds your application with it.',
				remedies: ['getGo', 'startAgain'],
			};
		case 'missing': {
			const refused = p.rejected.map(r => ` ${r.what} (${r.from}) ${r.why}.`).join('');
			return {
				message: `Anvil: the anvil-lsp program was not found on PATH, in GOBIN or in GOPATH/bin.${refused} Install it with go install?`,
				remedies: ['install', 'setPath'],
			};
		}
		case 'tooOld':
			return {
				message: `Anvil: ${p.what} (${p.from}) is version ${p.version}; this extension needs v${minimumVersion} or later.`,
				// What is installed is not looked at while a setting names another program.
				remedies: p.set ? ['setPath'] : ['install', 'setPath'],
			};
		case 'setting':
			return { message: `Anvil: the setting anvilLsp.server.path names ${p.what}, which ${predicate(p.why)}.`, remedies: ['setPath', 'showOutput'] };
		case 'silent':
			return {
				message: `Anvil: ${p.what} did not answer within ${p.seconds} s and was ended.`,
				remedies: ['startAgain', 'showOutput'],
			};
		case 'stillborn':
			return { message: `Anvil: ${p.what} ended before it was ready: ${p.why}.`, remedies: ['showOutput', 'startAgain'] };
		case 'gaveUp':
			return {
				message: `Anvil: the language server ended ${p.times} times in a row (${p.why}). It is not started again by itself.`,
				remedies: ['startAgain', 'showOutput'],
			};
	}
}

/**
 * The state that a problem leaves the server in: there is no program (Install helps), the setting names one that cannot be used (only
 * another path helps), or it does not run.
 */
export function stateOf(p: Problem): 'missing' | 'badPath' | 'failed' {
	switch (p.kind) {
		case 'missing':
			return 'missing';
		case 'tooOld':
			return p.set ? 'badPath' : 'missing';
		case 'setting':
			return 'badPath';
		default:
			return 'failed';
	}
}

/** Makes "may not be executed" and "exit status 1" fit behind "which". */
function predicate(why: string): string {
	return /^(is|did|does|may) /.test(why) ? why : `fails: ${why}`;
}
