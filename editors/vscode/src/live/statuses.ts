// How things stand in each folder, and which folder a window with several of them speaks of.
import type { Status } from '../protocol';

export class Statuses {
	private readonly byFolder = new Map<string, Status>();

	/** Takes a status and says what was known of the folder before. */
	set(status: Status): Status | undefined {
		const before = this.byFolder.get(status.folder);
		this.byFolder.set(status.folder, status);
		return before;
	}

	clear(): void {
		this.byFolder.clear();
	}

	get(folder: string): Status | undefined {
		return this.byFolder.get(folder);
	}

	all(): Status[] {
		return [...this.byFolder.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1));
	}

	/**
	 * The one to show: that of the folder which holds the document in front (the innermost, if there are several); else the one in
	 * most trouble.
	 */
	foremost(document: string | undefined): Status | undefined {
		const all = this.all();
		const holding = all.filter(s => document !== undefined && isBelow(document, s.folder)).sort((a, b) => b.folder.length - a.folder.length);
		return holding[0] ?? all.sort((a, b) => urgency(b) - urgency(a))[0];
	}
}

function isBelow(document: string, folder: string): boolean {
	return document.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function urgency(s: Status): number {
	return { down: 6, kept: 5, restarting: 4, building: 3, starting: 2, live: 1, off: 0 }[s.state];
}
