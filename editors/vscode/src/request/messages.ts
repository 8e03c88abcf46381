// What the request panel and its webview say to each other. The webview shows and types; what is sent and compared is decided in the panel.

export type Header = readonly [name: string, value: string];

/** What a person has filled in. */
export type Form = {
	/** Values of the pattern's parameters by name. */
	parameters: Record<string, string>;
	/** Behind the question mark. */
	query: string;
	/** `Name: value`, one a line. */
	headers: string;
	body: string;
	/** Send it again after each reload. */
	repeat: boolean;
};

export type ToWebview =
	| { type: 'route'; method: string; pattern: string; handler: string; parameters: { name: string; expression: string }[]; form: Form; url: string }
	| { type: 'sending' }
	| { type: 'failed'; message: string; when: string }
	| { type: 'answer'; answer: Answer };

export type FromWebview = { type: 'ready' } | { type: 'form'; form: Form } | { type: 'send'; form: Form } | { type: 'compare' } | { type: 'curl' } | { type: 'browser' };

export type Answer = {
	status: number;
	statusText: string;
	firstByteMs: number;
	totalMs: number;
	bytes: number;
	generation: number;
	headers: Header[];
	body: string;
	cut: string;
	url: string;
	/** Against the answer before; absent for the first one. */
	difference?: Difference;
};

export type Difference = {
	/** Generation of the answer before. */
	generation: number;
	/** Nothing but what always changes, such as Date. */
	same: boolean;
	added: number;
	removed: number;
	tooMuch: boolean;
	lines: { kind: 'same' | 'added' | 'removed' | 'gap'; text: string }[];
};
