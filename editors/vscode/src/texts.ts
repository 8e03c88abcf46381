// Texts that the server hands out: the live server's log in an output channel, the manifest's difference in an editor.
import { EventEmitter, languages, Uri, window, workspace, type Disposable, type OutputChannel } from 'vscode';
import type { Anvil } from './anvil';
import { ServerCommands } from './protocol';

const scheme = 'anvil-text';
const logLines = 1000;

export class Texts implements Disposable {
	private readonly changed = new EventEmitter<Uri>();
	private readonly byUri = new Map<string, string>();
	private channel: OutputChannel | undefined;
	private fetching: Promise<void> | undefined;
	private again = false;
	private readonly subscriptions: Disposable[];

	constructor(private readonly anvil: Anvil) {
		this.subscriptions = [
			this.changed,
			workspace.registerTextDocumentContentProvider(scheme, { onDidChange: this.changed.event, provideTextDocumentContent: uri => this.byUri.get(uri.toString()) ?? '' }),
			workspace.onDidCloseTextDocument(d => this.byUri.delete(d.uri.toString())),
			// Whoever looks at the log sees it grow: requests change counters, reloads change the status.
			anvil.onDidChange(() => this.refreshLog()),
			anvil.onDidChangeRoutes(() => this.refreshLog()),
		];
	}

	async showLog(): Promise<void> {
		this.channel ??= window.createOutputChannel('Anvil Live Server', 'log');
		this.channel.replace(await this.log());
		this.channel.show(true);
	}

	async showManifestDiff(folder?: string): Promise<void> {
		const answer = await this.anvil.execute<{ text?: string } | null>(ServerCommands.showManifestDiff, folder ? { folder } : {});
		if (!answer?.text) {
			void window.showInformationMessage('Anvil: the source registers what the live generation serves.');
			return;
		}
		const uri = Uri.from({ scheme, path: '/live generation → source.diff' });
		this.byUri.set(uri.toString(), answer.text);
		this.changed.fire(uri);
		const document = await languages.setTextDocumentLanguage(await workspace.openTextDocument(uri), 'diff');
		await window.showTextDocument(document, { preview: true });
	}

	dispose(): void {
		this.channel?.dispose();
		for (const d of this.subscriptions) {
			d.dispose();
		}
	}

	/** What the application has printed. Nothing yet: a line that says whose log it is. */
	private async log(): Promise<string> {
		const text = await this.anvil.log(logLines);
		const s = this.anvil.status;
		return text || (s?.url ? `gen ${s.generation} is live on ${s.url}; the application has printed nothing yet\n` : 'The application does not run yet.\n');
	}

	/** One question at a time; what comes meanwhile is one more afterwards. */
	private refreshLog(): void {
		if (!this.channel || !window.visibleTextEditors.some(e => e.document.uri.scheme === 'output')) {
			return;
		}
		if (this.fetching) {
			this.again = true;
			return;
		}
		this.fetching = this.log()
			.then(text => this.channel?.replace(text))
			.catch(() => undefined) // the server is on its way out: the log stays as it is
			.finally(() => {
				this.fetching = undefined;
				if (this.again) {
					this.again = false;
					this.refreshLog();
				}
			});
	}
}
