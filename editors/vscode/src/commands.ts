// The commands of the palette, the views and the lenses.
import { commands, env, Position, Range, Uri, window, type Disposable, type LogOutputChannel, type QuickPickItem } from 'vscode';
import type { Anvil } from './anvil';
import type { Debugging } from './debug';
import { messageOf } from './errors';
import type { Log } from './log';
import type { ManifestDiff } from './manifestDiff';
import { showMenu } from './menu';
import { ServerCommands, type CommandArgument, type Location, type Route } from './protocol';
import { Paths } from './request/ask';
import { curl } from './request/curl';
import type { RequestPanels } from './request/panel';
import { description } from './routes/describe';
import { routeTitle } from './routes/name';
import type { RouteNode } from './routes/tree';
import type { RoutesView } from './routes/view';
import { installServer } from './server/install';

export type Parts = {
	anvil: Anvil;
	routes: RoutesView;
	panels: RequestPanels;
	log: Log;
	manifestDiff: ManifestDiff;
	debugging: Debugging;
	output: LogOutputChannel;
	trace: LogOutputChannel;
};

export function registerCommands(p: Parts): Disposable[] {
	const { anvil, routes, panels, log, manifestDiff } = p;
	const onRoute = (f: (r: Route) => unknown) => async (argument?: RouteNode | CommandArgument) => {
		const route = await routeOf(p, argument);
		if (route) {
			await f(route);
		}
	};
	const paths = new Paths();
	/** For what needs the address of a route. */
	const onAddress = (f: (r: Route, url: string) => unknown) =>
		onRoute(async r => {
			const base = baseOf(anvil, r);
			const path = await paths.of(r);
			if (path !== undefined) {
				await f(r, base + path);
			}
		});
	const onServer = (command: string) => (argument?: CommandArgument) => anvil.execute(command, isArgument(argument) ? argument : {});
	const all: Record<string, (argument?: never) => unknown> = {
		showMenu: () => showMenu(anvil),
		start: onServer(ServerCommands.start),
		stop: onServer(ServerCommands.stop),
		reload: onServer(ServerCommands.reload),
		restart: onServer(ServerCommands.restart),
		rollback: onServer(ServerCommands.rollback),
		pause: onServer(ServerCommands.pause),
		resume: onServer(ServerCommands.resume),
		showManifestDiff: (argument?: CommandArgument) => manifestDiff.show(argument?.folder),
		showLog: () => log.show(),
		openInBrowser: async () => {
			const url = anvil.status?.url;
			if (!url) {
				throw new Error('No live server runs.');
			}
			await openExternal(url);
		},
		debug: () => p.debugging.attach(),
		testRoute: onRoute(r => panels.open(r)),
		goToRoute: onRoute(r => goTo(r.location)),
		installServer: async () => {
			if (await installServer(p.output)) {
				await anvil.restart();
			}
		},
		showOutput: () => p.output.show(),
		showTrace: () => {
			p.trace.show();
			void window.showInformationMessage('Anvil: messages are recorded while the log level of the channel "Anvil Trace" is Trace (the gear in the panel).');
		},
		'routes.refresh': () => routes.refresh(),
		'routes.filter': () => routes.filter(),
		'routes.clearFilter': () => routes.setFilter(''),
		'routes.goToRegistration': onRoute(r => goTo(r.location)),
		'routes.goToHandler': onRoute(r => goTo(r.handlerLocation)),
		'routes.openInBrowser': onAddress((_, url) => openExternal(url)),
		'routes.copyCurl': onAddress(async (r, url) => {
			await env.clipboard.writeText(curl({ method: r.method === '*' ? 'GET' : r.method, url, headers: [], body: '' }));
			window.setStatusBarMessage('Anvil: copied as curl', 3000);
		}),
		'routes.test': onRoute(r => panels.open(r)),
	};
	return Object.entries(all).map(([name, f]) => commands.registerCommand(`anvilLsp.${name}`, guarded(f, p.output)));
}

/** Says what went wrong, once, instead of VS Code's own dialog. */
function guarded(f: (argument?: never) => unknown, output: LogOutputChannel): (argument?: never) => Promise<void> {
	return async argument => {
		try {
			await f(argument);
		} catch (err) {
			const why = messageOf(err);
			output.error(why);
			void window.showErrorMessage(`Anvil: ${why}`);
		}
	};
}

/** The route that is meant: of a tree item, of a lens, or picked from a list. */
async function routeOf(p: Parts, argument: RouteNode | CommandArgument | undefined): Promise<Route | undefined> {
	if (argument && 'route' in argument) {
		return argument.route;
	}
	await p.routes.refresh();
	const known = p.routes.routes;
	if (isArgument(argument) && argument.pattern !== undefined) {
		const { folder, method, pattern, mount } = argument;
		const all = known.filter(r => r.pattern === pattern && (!method || r.method === method) && (!folder || r.folder === folder));
		const found = all.find(r => Boolean(r.mount) === Boolean(mount)) ?? all[0]; // a key binding need not tell it
		if (!found) {
			throw new Error(`There is no route ${[method, pattern].filter(Boolean).join(' ')}.`);
		}
		return found;
	}
	if (known.length === 0) {
		throw new Error('There are no routes: no live server runs.');
	}
	const items: (QuickPickItem & { route: Route })[] = known.map(route => ({ label: routeTitle(route), description: description(route), route }));
	const picked = await window.showQuickPick(items, { title: 'Routes', matchOnDescription: true });
	return picked?.route;
}

function isArgument(a: unknown): a is CommandArgument {
	return typeof a === 'object' && a !== null && !('route' in a) && !('kind' in a);
}

function baseOf(anvil: Anvil, r: Route): string {
	const url = anvil.statuses.get(r.folder)?.url;
	if (!url) {
		throw new Error('No live server runs.');
	}
	return url.replace(/\/+$/, '');
}

/** Opens an address of this machine in the user's browser, wherever that runs. */
async function openExternal(url: string): Promise<void> {
	await env.openExternal(await env.asExternalUri(Uri.parse(url)));
}

async function goTo(l: Location | undefined): Promise<void> {
	if (!l?.uri) {
		throw new Error('Where it is registered is not known: it stands in a mounted handler.');
	}
	const { start, end } = l.range;
	const selection = new Range(new Position(start.line, start.character), new Position(end.line, end.character));
	await window.showTextDocument(Uri.parse(l.uri), { selection, preview: true });
}
