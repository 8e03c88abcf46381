// Asks the user for the values of a route's parameters, where one command needs the address at once and no panel stands open to fill in.
import { window } from 'vscode';
import type { Route } from '../protocol';
import { routeKey, routeTitle } from '../routes/name';
import { askValues, fillPattern } from './template';

export class Paths {
	/** What was answered last, by route. */
	private readonly last = new Map<string, Record<string, string>>();

	/** The path of a route, for which its parameters are asked for; undefined if the user gives up. */
	async of(route: Route): Promise<string | undefined> {
		const key = routeKey(route);
		const values = await askValues(route.pattern, this.last.get(key) ?? {}, q =>
			window.showInputBox({
				title: `${routeTitle(route)}${q.steps > 1 ? ` (${q.step}/${q.steps})` : ''}`,
				prompt: q.parameter.name === '*' ? 'What follows the last slash' : q.parameter.expression ? `${q.parameter.name}, of the form ${q.parameter.expression}` : q.parameter.name,
				value: q.value,
				// Nothing in its place would be the path of another route.
				validateInput: v => (v === '' && q.parameter.name !== '*' ? 'A value is needed here.' : undefined),
			}),
		);
		if (!values) {
			return undefined;
		}
		this.last.set(key, values);
		return fillPattern(route.pattern, values);
	}
}
