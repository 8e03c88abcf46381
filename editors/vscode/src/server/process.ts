// The server as a process: spawned, listened to, and ended for certain.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import * as path from 'node:path';
import type { ServerProgram } from './locate';

export type ServerProcess = {
	child: ChildProcessWithoutNullStreams;
	/** Resolves when it is gone, with words for why. Never rejects. */
	ended: Promise<string>;
	kill(): void;
};

/** Milliseconds after its end within which the last words of a process are read; something else may keep its output open for ever. */
const outputGrace = 1_000;

/**
 * Starts `anvil-lsp --stdio`. If the go command was not found on PATH, its directory is put there, since the server calls it.
 */
export function startProcess(program: ServerProgram, cwd: string | undefined, go: string | undefined, onStderr: (line: string) => void): ServerProcess {
	const child = spawn(program.command, [...program.args, '--stdio'], {
		cwd: program.cwd ?? cwd,
		env: withGo(process.env, go),
		stdio: 'pipe',
		// A group of its own, which can be ended as a whole: `go tool` waits for the program that it has started.
		detached: true,
	});
	let lastLine = '';
	let partial = '';
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		const lines = (partial + text).split('\n');
		partial = (lines.pop() ?? '').slice(-4096);
		for (const line of lines.filter(l => l.trim() !== '')) {
			lastLine = line.trim();
			onStderr(line);
		}
	});
	// A write to a process that has gone is reported by its end.
	child.stdin.on('error', () => undefined);
	const ended = new Promise<string>(resolve => {
		child.once('error', err => {
			if (child.pid === undefined) {
				resolve(`it could not be started: ${err.message}`);
			}
		});
		const end = (code: number | null, signal: NodeJS.Signals | null) => {
			const how = signal ? `signal ${signal}` : `exit status ${code ?? 'unknown'}`;
			const words = (partial.trim() || lastLine).slice(0, 200);
			clearTimeout(timer);
			resolve(words ? `${how}: ${words}` : how);
		};
		let timer: NodeJS.Timeout | undefined;
		child.once('exit', (code, signal) => (timer = setTimeout(() => end(code, signal), outputGrace)));
		child.once('close', end); // all it has said is read
	});
	return { child, ended, kill: () => killGroup(child) };
}

/** Ends a process and those that it has started. */
function killGroup(child: ChildProcessWithoutNullStreams): void {
	try {
		if (child.pid !== undefined) {
			process.kill(-child.pid, 'SIGKILL');
		}
	} catch {
		// They are gone already.
	}
}

/** Adds the go command's directory to PATH, behind all else. */
export function withGo(env: NodeJS.ProcessEnv, go: string | undefined): NodeJS.ProcessEnv {
	const dirs = (env.PATH ?? '').split(path.delimiter);
	if (!go || dirs.includes(path.dirname(go))) {
		return env;
	}
	return { ...env, PATH: [...dirs.filter(Boolean), path.dirname(go)].join(path.delimiter) };
}
