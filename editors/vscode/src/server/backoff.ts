// When to start the server again after it ended by itself.

export type BackoffOptions = {
	/** Delays before the first, second, … restart, in milliseconds. After the last of them it is given up. */
	delays: readonly number[];
	/** A server that ran this long (milliseconds) has earned a fresh start. */
	healthyAfter: number;
};

export const defaultBackoff: BackoffOptions = { delays: [0, 1_000, 4_000, 15_000], healthyAfter: 60_000 };

/** Counts ends in a row. */
export class Backoff {
	private ends = 0;

	/** How many ends in a row there were, the last good run's included. */
	get count(): number {
		return this.ends;
	}

	constructor(private readonly options: BackoffOptions = defaultBackoff) {}

	/** Says how long to wait before the next start, in milliseconds, after a run of that many; undefined: give up. */
	next(ranFor: number): number | undefined {
		if (ranFor >= this.options.healthyAfter) {
			this.ends = 0;
		}
		return this.options.delays[this.ends++];
	}

	/** Forgets what was: the user started it. */
	reset(): void {
		this.ends = 0;
	}
}
