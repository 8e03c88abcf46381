// The status bar item.
import { MarkdownString, StatusBarAlignment, ThemeColor, window, workspace, Disposable } from 'vscode';
import type { Anvil } from './anvil';
import type { ContextKeys } from './contextKeys';
import { show } from './live/format';

const colors = {
	none: undefined,
	warning: new ThemeColor('statusBarItem.warningBackground'),
	error: new ThemeColor('statusBarItem.errorBackground'),
};

export class StatusBar implements Disposable {
	private readonly item = window.createStatusBarItem('anvilLsp.status', StatusBarAlignment.Left, 50);
	private readonly subscriptions: Disposable[];

	constructor(
		private readonly anvil: Anvil,
		private readonly keys: ContextKeys,
	) {
		this.item.name = 'Anvil';
		this.item.command = 'anvilLsp.showMenu';
		this.subscriptions = [this.item, anvil.onDidChange(() => this.update()), window.onDidChangeActiveTextEditor(() => this.update())];
	}

	dispose(): void {
		Disposable.from(...this.subscriptions).dispose();
	}

	private update(): void {
		if (!this.keys.active) {
			return;
		}
		const shown = show(this.anvil.serverState, this.anvil.status, workspace.isTrusted);
		this.item.text = shown.text;
		this.item.tooltip = new MarkdownString(shown.tooltip);
		this.item.backgroundColor = colors[shown.trouble];
		this.item.accessibilityInformation = { label: `Anvil: ${shown.text.replace(/⚒|\$\([^)]*\)/g, '').trim() || shown.tooltip}` };
		this.item.show();
	}
}
