// The live server's log in an output channel.
import { window, Disposable, type OutputChannel } from 'vscode';
import type { Anvil } from './anvil';

const logLines = 1000;

export class Log implements Disposable {
	private channel: OutputChannel | undefined;
	private fetching: Promise<void> | undefined;
	private again = false;
	private readonly subscriptions: Disposable[];

	constructor(private readonly anvil: Anvil) {
		this.subscriptions = [
			// Whoever looks at the log sees it grow: requests change counters, reloads change the status.
			anvil.onDidChange(() => this.refresh()),
			anvil.onDidChangeRoutes(() => this.refresh()),
		];
	}

	async show(): Promise<void> {
		this.channel ??= window.createOutputChannel('Anvil Live Server', 'log');
		this.channel.replace(await this.text());
		this.channel.show(true);
	}

	dispose(): void {
		this.channel?.dispose();
		Disposable.from(...this.subscriptions).dispose();
	}

	/** What the application has printed. Nothing yet: a line that says whose log it is. */
	private async text(): Promise<string> {
		const text = await this.anvil.log(logLines);
		const s = this.anvil.status;
		return text || (s?.url ? `gen ${s.generation} is live on ${s.url}; the application has printed nothing yet\n` : 'The application does not run yet.\n');
	}

	/** One question at a time; what comes meanwhile is one more afterwards. */
	private refresh(): void {
		if (!this.channel || !window.visibleTextEditors.some(e => e.document.uri.scheme === 'output')) {
			return;
		}
		if (this.fetching) {
			this.again = true;
			return;
		}
		this.fetching = this.text()
			.then(text => this.channel?.replace(text))
			.catch(() => undefined) // the server is on its way out: the log stays as it is
			.finally(() => {
				this.fetching = undefined;
				if (this.again) {
					this.again = false;
					this.refresh();
				}
			});
	}
}
