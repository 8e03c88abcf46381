// The difference between the live manifest and the source, in an editor.
import { EventEmitter, languages, Uri, window, workspace, Disposable } from 'vscode';
import type { Anvil } from './anvil';
import { ServerCommands } from './protocol';

const scheme = 'anvil-text';

export class ManifestDiff implements Disposable {
	private readonly changed = new EventEmitter<Uri>();
	private readonly byUri = new Map<string, string>();
	private readonly subscriptions: Disposable[];

	constructor(private readonly anvil: Anvil) {
		this.subscriptions = [
			this.changed,
			workspace.registerTextDocumentContentProvider(scheme, { onDidChange: this.changed.event, provideTextDocumentContent: uri => this.byUri.get(uri.toString()) ?? '' }),
			workspace.onDidCloseTextDocument(d => this.byUri.delete(d.uri.toString())),
		];
	}

	async show(folder?: string): Promise<void> {
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
		Disposable.from(...this.subscriptions).dispose();
	}
}
