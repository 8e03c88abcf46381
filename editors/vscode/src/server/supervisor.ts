// Owns the life of the server process: one loop finds it, starts it, waits for its end, and starts it again with growing delays. What
// will not mend itself is told once and ends the loop, until the user starts it again.
import { Backoff } from './backoff';
import type { ServerProgram } from './locate';
import { stateOf, type Problem } from './problems';

export type ServerState = 'stopped' | 'finding' | 'starting' | 'running' | 'waiting' | 'missing' | 'badPath' | 'failed';

/** One run of the server. */
export type Run = {
	/** Resolves when initialize was answered; rejects if it never will be. */
	ready: Promise<void>;
	/** Resolves when the process has ended, asked for or not, with words for why: "exit status 2: unknown flag". Never rejects. */
	ended: Promise<string>;
	/** Ends it as the protocol says, or by force if it takes too long. */
	stop(): Promise<void>;
	/** Ends it at once. */
	kill(): void;
};

export type SupervisorOptions = {
	/** Finds the program, or says why there is none. */
	find(signal: AbortSignal): Promise<ServerProgram | Problem>;
	launch(program: ServerProgram): Run;
	/** Told on each change of state; with the problem, if there is one. */
	onState(state: ServerState, problem?: Problem): void;
	log(line: string): void;
	backoff?: Backoff;
	/** Milliseconds for initialize. */
	startTimeout?: number;
	now?: () => number;
	sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
};

export class Supervisor {
	private loop: { done: Promise<void>; abort: AbortController } | undefined;
	/** Start, stop and restart run one after the other. */
	private turn: Promise<void> = Promise.resolve();
	private current: ServerState = 'stopped';
	private readonly backoff: Backoff;
	private readonly startTimeout: number;
	private readonly now: () => number;
	private readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;

	constructor(private readonly o: SupervisorOptions) {
		this.backoff = o.backoff ?? new Backoff();
		this.startTimeout = o.startTimeout ?? 30_000;
		this.now = o.now ?? (() => performance.now());
		this.sleep = o.sleep ?? abortableSleep;
	}

	get state(): ServerState {
		return this.current;
	}

	/** Starts the loop, unless it runs already. Resolves at once; onState tells the rest. */
	start(): Promise<void> {
		return this.inTurn(() => {
			this.startLoop();
			return Promise.resolve();
		});
	}

	/** Ends the server and waits until it is gone. */
	stop(): Promise<void> {
		return this.inTurn(() => this.stopLoop());
	}

	/** Ends the server, if it runs, and starts it with a clean slate. */
	restart(): Promise<void> {
		return this.inTurn(async () => {
			await this.stopLoop();
			this.startLoop();
		});
	}

	private inTurn(f: () => Promise<void>): Promise<void> {
		const next = this.turn.then(f);
		this.turn = next.catch(() => undefined);
		return next;
	}

	private startLoop(): void {
		if (this.loop) {
			return;
		}
		this.backoff.reset();
		const abort = new AbortController();
		const loop = {
			abort,
			done: this.run(abort.signal).catch((err: unknown) => {
				this.o.log(`the loop around the server failed: ${String(err)}`);
				this.set('failed', { kind: 'stillborn', what: 'anvil-lsp', why: String(err) });
			}),
		};
		this.loop = loop;
		void loop.done.then(() => {
			if (this.loop === loop) {
				this.loop = undefined;
			}
		});
	}

	private async stopLoop(): Promise<void> {
		const loop = this.loop;
		loop?.abort.abort();
		await loop?.done;
		this.loop = undefined;
		this.set('stopped');
	}

	private async run(signal: AbortSignal): Promise<void> {
		const aborted = new Promise<'aborted'>(resolve => signal.addEventListener('abort', () => resolve('aborted'), { once: true }));
		while (!signal.aborted) {
			this.set('finding');
			const found = await this.o.find(signal);
			if (isAborted(signal)) {
				return;
			}
			if ('kind' in found) {
				this.set(stateOf(found), found);
				return;
			}
			const since = this.now();
			const end = await this.once(found, aborted);
			if (isAborted(signal)) {
				return;
			}
			if (typeof end !== 'string') {
				this.set('failed', end);
				return;
			}
			const delay = this.backoff.next(this.now() - since);
			if (delay === undefined) {
				this.set('failed', { kind: 'gaveUp', times: this.backoff.count, why: end });
				return;
			}
			this.o.log(`anvil-lsp ended by itself (${end}); it is started again${delay > 0 ? ` in ${delay / 1000} s` : ''}`);
			this.set('waiting');
			await this.sleep(delay, signal);
		}
	}

	/** Runs the server once, to its end. Returns the words for its end, or the problem for which it is not to be started again. */
	private async once(program: ServerProgram, aborted: Promise<'aborted'>): Promise<string | Problem> {
		this.set('starting');
		const what = [program.command, ...program.args].join(' ');
		this.o.log(`starting ${what} --stdio (${program.version}, found by ${program.from})`);
		const run = this.o.launch(program);
		const timer = new AbortController();
		const outcome = await Promise.race([
			run.ready.then(
				() => 'ready' as const,
				() => 'dead' as const,
			),
			run.ended.then(() => 'dead' as const),
			this.sleep(this.startTimeout, timer.signal).then(() => 'silent' as const),
			aborted,
		]);
		timer.abort();
		switch (outcome) {
			case 'aborted':
			case 'silent':
				run.kill();
				await run.ended;
				return { kind: 'silent', what, seconds: this.startTimeout / 1000 };
			case 'dead': {
				run.kill(); // it may have refused to initialize, and live on
				return { kind: 'stillborn', what, why: await run.ended };
			}
			case 'ready':
				this.set('running');
		}
		const end = await Promise.race([run.ended, aborted]);
		if (end === 'aborted') {
			await run.stop();
			await run.ended;
		}
		return end;
	}

	private set(state: ServerState, problem?: Problem): void {
		if (state !== this.current || problem) {
			this.current = state;
			this.o.onState(state, problem);
		}
	}
}

/** What TypeScript believes of signal.aborted from an earlier look does not hold after an await. */
function isAborted(signal: AbortSignal): boolean {
	return signal.aborted;
}

/** Resolves after ms milliseconds, or as soon as the signal aborts. */
function abortableSleep(ms: number, signal: AbortSignal): Promise<void> {
	return new Promise(resolve => {
		if (signal.aborted) {
			resolve();
			return;
		}
		const done = () => {
			clearTimeout(timer);
			signal.removeEventListener('abort', done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		signal.addEventListener('abort', done);
	});
}
