// What becomes of a live server that is built anew because a setting changed, by the statuses that follow.
import type { Status } from '../protocol';

/** Waiting goes on, the new process serves, or the words for why none will. */
export type Outcome = 'waiting' | 'live' | { failed: string };

export class Rebuild {
	/** The process from before is on its way out: what is told from here on is about the new one. */
	private began = false;

	get begun(): boolean {
		return this.began;
	}

	/** Takes the next status of the folder. */
	next(s: Status): Outcome {
		if (s.attached) {
			return { failed: 'its engine belongs to another window or terminal' };
		}
		this.began ||= s.generation === 0 || s.state === 'starting' || s.state === 'restarting' || s.state === 'off';
		if (!this.began) {
			return 'waiting';
		}
		switch (s.state) {
			case 'live':
				return 'live';
			case 'kept':
				return { failed: s.message || 'the code does not load' };
			case 'off':
			case 'down':
				return { failed: s.message || `it is ${s.state}` };
			default:
				return 'waiting';
		}
	}
}
