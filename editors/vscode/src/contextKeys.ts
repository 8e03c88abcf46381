// The context keys that package.json's `when` clauses ask for.
import { commands, window, Disposable } from 'vscode';
import type { Anvil } from './anvil';

export class ContextKeys implements Disposable {
	private readonly values = new Map<string, unknown>();
	private readonly subscriptions: Disposable[];

	constructor(anvil: Anvil) {
		const update = () => {
			this.set('serverState', anvil.serverState);
			this.set('state', anvil.status?.state ?? '');
			this.set('paused', anvil.status?.paused ?? false);
		};
		this.subscriptions = [
			anvil.onDidChange(update),
			window.onDidChangeActiveTextEditor(update), // its application may be another one
			anvil.onDidReload(({ before }) => {
				this.set('wasLive', true);
				if (before && before.generation > 0) {
					this.set('wasReloaded', true);
				}
			}),
		];
	}

	/** The workspace holds an application. */
	get active(): boolean {
		return this.values.get('active') === true;
	}

	setActive(): void {
		this.set('active', true);
	}

	dispose(): void {
		Disposable.from(...this.subscriptions).dispose();
	}

	private set(key: string, value: unknown): void {
		if (this.values.get(key) !== value) {
			this.values.set(key, value);
			void commands.executeCommand('setContext', `anvilLsp.${key}`, value);
		}
	}
}
