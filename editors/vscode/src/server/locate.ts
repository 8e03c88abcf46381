// Finds the go command and the anvil-lsp program. Everything that is asked of the machine goes through Machine, so that a test can be
// any machine.
import * as path from 'node:path';
import { messageOf } from '../errors';
import { parseVersion, tooOld } from './version';

/** What finding a program needs of the machine. */
export type Machine = {
	env: Readonly<Record<string, string | undefined>>;
	home: string;
	platform: NodeJS.Platform;
	/** Says whether path is a file that may be executed. */
	executable(path: string): Promise<boolean>;
	/** Runs a program to its end. Rejects if it cannot be started, fails or takes longer than timeout milliseconds. */
	run(command: string, args: readonly string[], options: { cwd?: string; timeout: number; env?: NodeJS.ProcessEnv }): Promise<{ stdout: string; stderr: string }>;
};

/** How to start the server. */
export type ServerProgram = {
	command: string;
	args: string[];
	cwd?: string;
	/** Where it was found, for people: "PATH", "the setting anvilLsp.server.path". */
	from: string;
	version: string;
};

/** A place where there was something that could not be used. */
export type Rejected = { what: string; from: string; why: string; tooOld?: string };

export type Found = { program?: ServerProgram; rejected: Rejected[] };

export type Where = {
	/** The setting anvilLsp.server.path. */
	setting: string;
	/** The go command, if there is one. */
	go: string | undefined;
	/** Directories whose go.mod, in them or above, names the tool; empty while the workspace is not trusted. */
	toolDirs: readonly string[];
};

const probeTimeout = 10_000;
/** `go tool` compiles the program first. */
const goToolTimeout = 300_000;

/** Finds the go command: on PATH, in GOROOT, or where Go's installer puts it. */
export async function findGo(m: Machine): Promise<string | undefined> {
	const places = pathDirs(m);
	if (m.env.GOROOT) {
		places.push(path.join(m.env.GOROOT, 'bin'));
	}
	places.push('/usr/local/go/bin');
	return firstExecutable(m, places, 'go');
}

/** Finds the program, by the order that the README tells. A setting is taken at its word: nothing else is tried then. */
export async function findServer(m: Machine, w: Where): Promise<Found> {
	const rejected: Rejected[] = [];
	for await (const c of candidates(m, w)) {
		try {
			const version = await probe(m, c);
			if (!tooOld(version)) {
				return { program: { ...c, version }, rejected };
			}
			rejected.push({ what: describe(c), from: c.from, why: `is version ${version}`, tooOld: version });
		} catch (err) {
			rejected.push({ what: describe(c), from: c.from, why: messageOf(err) });
		}
	}
	return { rejected };
}

type Candidate = Omit<ServerProgram, 'version'>;

async function* candidates(m: Machine, w: Where): AsyncGenerator<Candidate> {
	if (w.setting) {
		yield { command: expandHome(m, w.setting), args: [], from: 'the setting anvilLsp.server.path' };
		return;
	}
	const seen = new Set<string>();
	const inDirs = async function* (dirs: string[], from: string): AsyncGenerator<Candidate> {
		const command = await firstExecutable(m, dirs, 'anvil-lsp');
		if (command && !seen.has(command)) {
			seen.add(command);
			yield { command, args: [], from };
		}
	};
	yield* inDirs(pathDirs(m), 'PATH');
	const { gobin, gopath } = await goDirs(m, w.go);
	if (gobin) {
		yield* inDirs([gobin], 'GOBIN');
	}
	yield* inDirs(gopath.map(d => path.join(d, 'bin')), 'GOPATH/bin');
	if (w.go) {
		for (const cwd of w.toolDirs) {
			yield { command: w.go, args: ['tool', 'anvil-lsp'], cwd, from: `go tool in ${cwd}` };
		}
	}
}

/** Where `go install` puts programs. Without a go command: by the environment alone. */
async function goDirs(m: Machine, go: string | undefined): Promise<{ gobin: string; gopath: string[] }> {
	let gobin = m.env.GOBIN ?? '';
	let gopath = m.env.GOPATH ?? '';
	if (go) {
		try {
			// Not in the workspace: its go.work or go.mod has no say in where programs are.
			const out = await m.run(go, ['env', 'GOBIN', 'GOPATH'], { cwd: m.home, timeout: probeTimeout });
			const [bin, dirs] = out.stdout.split('\n').map(s => s.trim());
			gobin = bin || gobin;
			gopath = dirs || gopath;
		} catch {
			// A go command that does not even say this is complained about when the server uses it.
		}
	}
	return { gobin, gopath: (gopath || path.join(m.home, 'go')).split(path.delimiter).filter(Boolean) };
}

/** Asks the program for its version, which also proves that it is one and that it runs here. */
async function probe(m: Machine, c: Candidate): Promise<string> {
	const timeout = c.args.length > 0 ? goToolTimeout : probeTimeout;
	const out = await m.run(c.command, [...c.args, '--version'], { ...(c.cwd ? { cwd: c.cwd } : {}), timeout });
	const version = parseVersion(out.stdout);
	if (!version) {
		throw new Error('is not anvil-lsp: --version does not print its name');
	}
	return version;
}

function describe(c: Candidate): string {
	return [c.command, ...c.args].join(' ');
}

async function firstExecutable(m: Machine, dirs: readonly string[], name: string): Promise<string | undefined> {
	for (const dir of dirs) {
		const file = path.join(dir, name);
		if (await m.executable(file)) {
			return file;
		}
	}
	return undefined;
}

/** The directories of PATH. Relative ones are left out: they would mean the workspace. */
function pathDirs(m: Machine): string[] {
	return (m.env.PATH ?? '').split(path.delimiter).filter(d => path.isAbsolute(d));
}

function expandHome(m: Machine, p: string): string {
	return p === '~' || p.startsWith('~/') ? path.join(m.home, p.slice(1)) : p;
}
