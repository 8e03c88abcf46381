// What anvil-lsp says beyond the Language Server Protocol: notifications, requests and commands of its own. docs/lsp.md is the
// contract; this is the client's side of it.

/** The states of an engine, and two more for the time when there is none. */
export type LiveState = 'off' | 'starting' | 'building' | 'live' | 'kept' | 'restarting' | 'down';

/** How often what happened, since the engine started. */
export type Counts = {
	hot_swaps: number;
	restarts: number;
	kept: number;
	crashes: number;
	panics: number;
	predicted: number;
	mispredicted: number;
};

/** `anvil/status` and the answer to `anvil/statusOf`: how things stand in one folder. */
export type Status = {
	/** URI of the application's directory. */
	folder: string;
	state: LiveState;
	/** The generation that serves; 0 while none does. */
	generation: number;
	/** Where it serves; empty while nothing does. */
	url: string;
	/** Milliseconds from the last save to the new code; 0 if there was none. */
	lastMs: number;
	/** What the last save took: hot-swap, warm-restart or keep. */
	rung: string;
	/** One sentence, where there is something to say. */
	message: string;
	/** Reload on save is paused. */
	paused: boolean;
	counts?: Counts;
	/** How many findings are open. */
	problems: number;
	/** The engine belongs to another process: a terminal or another window. */
	attached: boolean;
};

export type Position = { line: number; character: number };
export type Range = { start: Position; end: Position };
export type Location = { uri: string; range: Range };

export type RouteStats = {
	requests: number;
	errors: number;
	p50Ms: number;
	lastStatus: number;
	lastMs: number;
	/** RFC 3339; empty before the first request. */
	lastAt: string;
};

/** One route of the live generation, or, pending, one that only the source has yet. */
export type Route = {
	folder: string;
	/** `*` where the route takes every method. */
	method: string;
	pattern: string;
	/** It answers for everything below the pattern. */
	mount?: boolean;
	handler: string;
	kind: string;
	signature: string;
	location?: Location;
	handlerLocation?: Location;
	/** Address of the live server with the pattern appended; empty while nothing serves. */
	url: string;
	generation: number;
	/** Only the source has it yet. */
	pending?: boolean;
	stats?: RouteStats;
	/** What a save, as the source stands, will break. */
	break?: { code: string; message: string };
	/** The last panic of its handler, until the code is replaced. */
	panic?: { message: string; at?: string; location?: Location };
	/** What a request to a typed handler can look like. */
	example?: { query?: string; body?: string };
};

/** First argument of every server command. */
export type CommandArgument = { folder?: string; generation?: number; method?: string; pattern?: string; mount?: boolean };

export const Notifications = {
	status: 'anvil/status',
	routesChanged: 'anvil/routesChanged',
	trust: 'anvil/trust',
} as const;

export const Requests = {
	routes: 'anvil/routes',
	statusOf: 'anvil/statusOf',
	log: 'anvil/log',
} as const;

export const ServerCommands = {
	start: 'anvil.start',
	stop: 'anvil.stop',
	reload: 'anvil.reload',
	restart: 'anvil.restart',
	rollback: 'anvil.rollback',
	pause: 'anvil.pause',
	resume: 'anvil.resume',
	showManifestDiff: 'anvil.showManifestDiff',
} as const;
