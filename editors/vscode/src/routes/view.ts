// The Routes view.
import {
	commands,
	EventEmitter,
	FileDecoration,
	MarkdownString,
	ThemeColor,
	ThemeIcon,
	TreeItem,
	TreeItemCollapsibleState,
	Uri,
	window,
	Disposable,
	type FileDecorationProvider,
	type TreeDataProvider,
	type TreeView,
} from 'vscode';
import type { Anvil } from '../anvil';
import { count } from '../live/format';
import type { Route } from '../protocol';
import { description, methodIcon, tooltip } from './describe';
import { buildTree, matcher, type Node, type RouteNode } from './tree';

/** Gives tree items an address of their own, so that they can be decorated. */
const scheme = 'anvil-route';
/** Milliseconds during which changes are gathered. */
const refreshAfter = 150;

export class RoutesView implements TreeDataProvider<Node>, FileDecorationProvider, Disposable {
	private readonly treeEmitter = new EventEmitter<undefined>();
	private readonly decorationEmitter = new EventEmitter<undefined>();
	readonly onDidChangeTreeData = this.treeEmitter.event;
	readonly onDidChangeFileDecorations = this.decorationEmitter.event;

	private known: Route[] = [];
	private roots: Node[] = [];
	private parents = new Map<string, Node>();
	private decorations = new Map<string, FileDecoration>();
	private filterText = '';
	private timer: NodeJS.Timeout | undefined;
	private asked = 0;
	private stale = true;
	private readonly view: TreeView<Node>;
	private readonly subscriptions: Disposable[];

	constructor(private readonly anvil: Anvil) {
		this.view = window.createTreeView('anvilLsp.routes', { treeDataProvider: this, showCollapseAll: true });
		this.subscriptions = [
			this.view,
			this.treeEmitter,
			this.decorationEmitter,
			window.registerFileDecorationProvider(this),
			anvil.onDidChangeRoutes(() => this.schedule()),
			anvil.onDidChange(() => this.schedule()),
		];
	}

	/** The routes as they were last told. */
	get routes(): readonly Route[] {
		return this.known;
	}

	/** Asks for the routes now. */
	async refresh(): Promise<void> {
		const turn = ++this.asked;
		this.stale = false;
		let routes: Route[] = [];
		try {
			routes = this.anvil.serverState === 'running' ? await this.anvil.routes() : [];
		} catch {
			// Shut down in between; the next status asks again.
		}
		if (turn === this.asked) {
			this.known = routes;
			this.rebuild();
		}
	}

	/** Asks for a filter and applies it while it is typed. */
	filter(): void {
		const box = window.createInputBox();
		const before = this.filterText;
		let accepted = false;
		box.title = 'Filter Routes';
		box.placeholder = 'Method, path or handler; several words must all occur';
		box.value = before;
		box.onDidChangeValue(v => this.setFilter(v));
		box.onDidAccept(() => {
			accepted = true;
			box.hide();
		});
		box.onDidHide(() => {
			if (!accepted) {
				this.setFilter(before);
			}
			box.dispose();
		});
		box.show();
	}

	setFilter(text: string): void {
		if (text === this.filterText) {
			return;
		}
		this.filterText = text;
		void commands.executeCommand('setContext', 'anvilLsp.routes.filtered', text.trim() !== '');
		this.rebuild();
	}

	getTreeItem(node: Node): TreeItem {
		switch (node.kind) {
			case 'folder': {
				const item = new TreeItem(node.label, TreeItemCollapsibleState.Expanded);
				item.id = node.id;
				item.iconPath = ThemeIcon.Folder;
				item.resourceUri = decorationUri(node);
				return item;
			}
			case 'path': {
				const item = new TreeItem(node.label, TreeItemCollapsibleState.Expanded);
				item.id = node.id;
				item.iconPath = new ThemeIcon('symbol-namespace');
				item.description = count(node.routes, 'route');
				item.contextValue = 'path';
				item.resourceUri = decorationUri(node);
				return item;
			}
			case 'route':
				return this.routeItem(node);
		}
	}

	getChildren(node?: Node): Node[] {
		if (!node) {
			return this.roots;
		}
		return node.kind === 'route' ? [] : node.children;
	}

	getParent(node: Node): Node | undefined {
		return this.parents.get(node.id);
	}

	provideFileDecoration(uri: Uri): FileDecoration | undefined {
		return uri.scheme === scheme ? this.decorations.get(uri.toString()) : undefined;
	}

	dispose(): void {
		clearTimeout(this.timer);
		Disposable.from(...this.subscriptions).dispose();
	}

	private routeItem(node: RouteNode): TreeItem {
		const r = node.route;
		const item = new TreeItem(node.label, TreeItemCollapsibleState.None);
		item.id = node.id;
		item.description = description(r);
		const hint = new MarkdownString(tooltip(r), true);
		item.tooltip = hint;
		const icon = methodIcon(r.method);
		item.iconPath = new ThemeIcon(icon.id, new ThemeColor(r.pending ? 'disabledForeground' : icon.color));
		item.resourceUri = decorationUri(node);
		const words = ['route'];
		if ((r.method === 'GET' || r.method === '*') && !r.pending) {
			words.push('get');
		}
		if (r.handlerLocation) {
			words.push('handler');
		}
		item.contextValue = words.join(' ');
		item.command = { command: 'anvilLsp.routes.goToRegistration', title: 'Go to Registration', arguments: [node] };
		item.accessibilityInformation = { label: `${node.label}, ${description(r)}` };
		return item;
	}

	/** Gathers changes. It asks whether or not the view is open: the badge on its icon is seen in either case. */
	private schedule(): void {
		this.stale = true;
		if (this.timer) {
			return;
		}
		this.timer = setTimeout(() => {
			this.timer = undefined;
			if (this.stale) {
				void this.refresh();
			}
		}, refreshAfter);
	}

	private rebuild(): void {
		this.roots = buildTree(this.known, this.filterText);
		this.parents = new Map();
		this.decorations = new Map();
		this.index(this.roots, undefined);
		const shown = this.known.filter(matcher(this.filterText)).length;
		this.view.description = this.filterText.trim() ? `${shown} of ${this.known.length} · ${this.filterText.trim()}` : '';
		const panics = this.known.filter(r => r.panic).length;
		const breaks = this.known.filter(r => r.break).length;
		const words = [panics > 0 ? `${count(panics, 'route')} panicked` : '', breaks > 0 ? `a save would break ${count(breaks, 'route')}` : ''].filter(Boolean);
		this.view.badge = words.length > 0 ? { value: panics + breaks, tooltip: words.join(', ') } : undefined;
		this.treeEmitter.fire(undefined);
		this.decorationEmitter.fire(undefined);
	}

	private index(nodes: readonly Node[], parent: Node | undefined): void {
		for (const n of nodes) {
			if (parent) {
				this.parents.set(n.id, parent);
			}
			const d = decorationOf(n);
			if (d) {
				this.decorations.set(decorationUri(n).toString(), d);
			}
			if (n.kind !== 'route') {
				this.index(n.children, n);
			}
		}
	}
}

function decorationUri(n: Node): Uri {
	return Uri.from({ scheme, path: `/${n.kind}/${n.id}` });
}

function decorationOf(n: Node): FileDecoration | undefined {
	const panics = n.kind === 'route' ? Number(n.route.panic !== undefined) : n.panics;
	const breaks = n.kind === 'route' ? Number(n.route.break !== undefined) : n.breaks;
	if (panics > 0) {
		const words = n.kind === 'route' ? `panicked: ${n.route.panic?.message ?? ''}` : `${count(panics, 'route')} below panicked`;
		return new FileDecoration(n.kind === 'route' ? '!' : undefined, words, new ThemeColor('anvilLsp.routePanic'));
	}
	if (breaks > 0) {
		const words = n.kind === 'route' ? `${n.route.break?.code ?? ''}: ${n.route.break?.message ?? ''}` : `a save would break ${count(breaks, 'route')} below`;
		return new FileDecoration(n.kind === 'route' ? '↻' : undefined, words, new ThemeColor('anvilLsp.routeBreak'));
	}
	return undefined;
}
