// Test a Route: a panel beside the editor for each route, which sends a request and sends it again after each reload.
import { randomBytes } from 'node:crypto';
import { commands, env, Uri, ViewColumn, window, workspace, Disposable, type TextDocumentContentProvider, type WebviewPanel } from 'vscode';
import type { Anvil } from '../anvil';
import { messageOf } from '../errors';
import type { Route } from '../protocol';
import { routeKey, routeTitle } from '../routes/name';
import { curl } from './curl';
import { comparable, compare, isSafe, requestOf } from './exchange';
import type { Form, FromWebview, ToWebview } from './messages';
import { defaultSend, send, type Request, type Response } from './send';
import { fillPattern, guess, parametersOf } from './template';

const scheme = 'anvil-response';

export class RequestPanels implements Disposable, TextDocumentContentProvider {
	private readonly panels = new Map<string, RequestPanel>();
	private readonly texts = new Map<string, string>();
	private readonly subscriptions: Disposable[];

	constructor(
		private readonly anvil: Anvil,
		private readonly extensionUri: Uri,
	) {
		this.subscriptions = [
			workspace.registerTextDocumentContentProvider(scheme, this),
			workspace.onDidCloseTextDocument(d => this.texts.delete(d.uri.toString())),
			anvil.onDidReload(({ now }) => {
				for (const p of this.panels.values()) {
					p.onReload(now.folder);
				}
			}),
		];
	}

	/** Shows the panel of a route; at once sends the request if that can do no harm and nothing has to be filled in. */
	open(route: Route): void {
		const key = routeKey(route);
		const known = this.panels.get(key);
		if (known) {
			known.reveal();
			return;
		}
		const panel = new RequestPanel(this.anvil, this.extensionUri, route, (name, before, after) => this.openDiff(name, before, after));
		this.panels.set(key, panel);
		panel.onDidDispose(() => this.panels.delete(key));
	}

	provideTextDocumentContent(uri: Uri): string {
		return this.texts.get(uri.toString()) ?? '';
	}

	dispose(): void {
		for (const p of this.panels.values()) {
			p.dispose();
		}
		Disposable.from(...this.subscriptions).dispose();
	}

	private async openDiff(name: string, before: Sent, after: Sent): Promise<void> {
		const [a, b] = [before, after].map((s, i) => {
			const uri = Uri.from({ scheme, path: `/${name}`, query: `generation=${s.generation}&side=${i}&at=${Date.now()}` });
			this.texts.set(uri.toString(), comparable(s.response));
			return uri;
		});
		await commands.executeCommand('vscode.diff', a, b, `${name} (generation ${before.generation} ↔ ${after.generation})`);
	}
}

type Sent = { response: Response; generation: number };

class RequestPanel {
	private readonly panel: WebviewPanel;
	private form: Form;
	private shown = false;
	private before: Sent | undefined;
	private last: Sent | undefined;
	private sending: AbortController | undefined;

	constructor(
		private readonly anvil: Anvil,
		extensionUri: Uri,
		private readonly route: Route,
		private readonly openDiff: (name: string, before: Sent, after: Sent) => Promise<void>,
	) {
		this.form = {
			parameters: Object.fromEntries(parametersOf(route.pattern).map(p => [p.name, guess(p)])),
			query: route.example?.query ?? '',
			headers: ['GET', 'HEAD', 'DELETE', '*'].includes(route.method) ? '' : 'Content-Type: application/json',
			body: route.example?.body ?? '',
			repeat: isSafe(route.method),
		};
		this.panel = window.createWebviewPanel('anvilLsp.request', this.title, { viewColumn: ViewColumn.Beside, preserveFocus: true }, {
			enableScripts: true,
			retainContextWhenHidden: true, // what is typed stays; there are few of them
			localResourceRoots: [Uri.joinPath(extensionUri, 'dist'), Uri.joinPath(extensionUri, 'media')],
		});
		this.panel.iconPath = Uri.joinPath(extensionUri, 'media', 'anvil.svg');
		this.panel.webview.onDidReceiveMessage((m: FromWebview) => void this.receive(m));
		this.panel.webview.html = html(this.panel.webview, extensionUri);
	}

	onDidDispose(f: () => void): void {
		this.panel.onDidDispose(() => {
			this.sending?.abort();
			f();
		});
	}

	reveal(): void {
		this.panel.reveal(undefined, true);
	}

	dispose(): void {
		this.panel.dispose();
	}

	onReload(folder: string): void {
		if (folder === this.route.folder && this.form.repeat && (this.last || this.sending)) {
			void this.send();
		}
	}

	private get title(): string {
		return routeTitle(this.route);
	}

	private async receive(m: FromWebview): Promise<void> {
		switch (m.type) {
			case 'ready':
				this.tellRoute();
				if (!this.shown && isSafe(this.route.method) && Object.keys(this.form.parameters).length === 0) {
					await this.send();
				}
				this.shown = true;
				return;
			case 'form':
				this.form = m.form;
				return;
			case 'send':
				this.form = m.form;
				await this.send();
				return;
			case 'compare':
				if (this.before && this.last) {
					await this.openDiff(this.title.replaceAll('/', '∕'), this.before, this.last);
				}
				return;
			case 'curl':
				await this.withRequest(async r => {
					await env.clipboard.writeText(curl(r));
					window.setStatusBarMessage('Anvil: copied as curl', 3000);
				});
				return;
			case 'browser':
				await this.withRequest(async r => {
					await env.openExternal(await env.asExternalUri(Uri.parse(r.url)));
				});
		}
	}

	private tellRoute(): void {
		const { method, pattern, handler } = this.route;
		this.post({ type: 'route', method, pattern, handler, parameters: parametersOf(pattern), form: this.form, url: this.base });
	}

	private get base(): string {
		return this.anvil.statuses.get(this.route.folder)?.url ?? '';
	}

	private async withRequest(f: (r: Request) => Promise<void>): Promise<void> {
		try {
			if (!this.base) {
				throw new Error('no live server runs');
			}
			await f(requestOf(this.route.method, this.base, fillPattern(this.route.pattern, this.form.parameters), this.form));
		} catch (err) {
			this.post({ type: 'failed', message: messageOf(err), when: new Date().toLocaleTimeString() });
		}
	}

	private send(): Promise<void> {
		this.sending?.abort();
		const abort = (this.sending = new AbortController());
		return this.withRequest(async request => {
			this.post({ type: 'sending' });
			const generation = this.anvil.statuses.get(this.route.folder)?.generation ?? 0;
			try {
				const response = await send(request, { ...defaultSend, signal: abort.signal });
				if (abort.signal.aborted) {
					return;
				}
				this.before = this.last;
				this.last = { response, generation };
				const { status, statusText, firstByteMs, totalMs, bytes, headers, body, cut } = response;
				this.post({
					type: 'answer',
					answer: {
						status,
						statusText,
						firstByteMs,
						totalMs,
						bytes,
						headers,
						body,
						cut,
						generation,
						url: request.url,
						...(this.before ? { difference: compare(this.before, response) } : {}),
					},
				});
			} catch (err) {
				if (!abort.signal.aborted) {
					throw err;
				}
			}
		});
	}

	private post(m: ToWebview): void {
		void this.panel.webview.postMessage(m);
	}
}

function html(webview: WebviewPanel['webview'], extensionUri: Uri): string {
	const nonce = randomBytes(16).toString('hex');
	const script = webview.asWebviewUri(Uri.joinPath(extensionUri, 'dist', 'request.js')).toString();
	const style = webview.asWebviewUri(Uri.joinPath(extensionUri, 'media', 'request.css')).toString();
	return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>Test Route</title>
</head>
<body>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
