// Bundles the extension in three parts: extension.js is all that an activation loads; client.js, with the language client in it, is
// loaded when there is a server to talk to; request.js runs in the webview of a request.
import esbuild from 'esbuild';
import { writeNotices } from './notices.mjs';

const minify = process.argv.includes('--minify');
const common = { outdir: 'dist', bundle: true, minify, sourcemap: minify ? false : 'linked', logLevel: 'warning', metafile: true };

const clientApart = {
	name: 'client apart',
	setup(build) {
		build.onResolve({ filter: /\/server\/client$/ }, args => (args.kind === 'dynamic-import' ? { path: './client.js', external: true } : undefined));
	},
};

const parts = [
	{
		...common,
		entryPoints: { extension: 'src/extension.ts', client: 'src/server/client.ts' },
		platform: 'node',
		format: 'cjs',
		target: 'node20',
		external: ['vscode'],
		supported: { 'dynamic-import': false }, // require, by which VS Code hands out its API
		plugins: [clientApart],
	},
	{ ...common, entryPoints: { request: 'src/webview/request.ts' }, platform: 'browser', format: 'iife', target: 'es2022' },
];

if (process.argv.includes('--watch')) {
	for (const part of parts) {
		await (await esbuild.context({ ...part, logLevel: 'info' })).watch();
	}
} else {
	const built = await Promise.all(parts.map(part => esbuild.build(part)));
	writeNotices(
		built.map(b => b.metafile),
		'dist/ThirdPartyNotices.txt',
	);
}
