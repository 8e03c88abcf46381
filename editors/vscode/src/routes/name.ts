// What a route is called, and what tells it from others.
import type { Route } from '../protocol';

/** Tells a route from all others of the window. */
export function routeKey(r: Route): string {
	return `${r.folder} ${r.method} ${r.pattern}${r.mount ? ' mount' : ''}`;
}

/** `GET /posts`, or `ANY /posts`. */
export function routeTitle(r: Route): string {
	return `${methodTitle(r.method)} ${r.pattern}`;
}

export function methodTitle(method: string): string {
	return method === '*' ? 'ANY' : method;
}
