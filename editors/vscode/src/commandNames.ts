/** Commands of the server that lenses and code actions name, and what is done here instead. */
export const serverCommandsDoneHere: Record<string, string> = {
	'anvil.openRoute': 'anvilLsp.testRoute',
	'anvil.showRoutes': 'anvilLsp.routes.focus',
	'anvil.showLog': 'anvilLsp.showLog',
	'anvil.showManifestDiff': 'anvilLsp.showManifestDiff',
};
