// Bundles the unit tests (what they test is free of VS Code's API, or has vscode.ts in its place) and runs them with Node's own test runner.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import esbuild from 'esbuild';

const here = import.meta.dirname;
const out = path.join(here, '../out');
fs.rmSync(out, { recursive: true, force: true });
await esbuild.build({
	entryPoints: fs.readdirSync(here).filter(f => f.endsWith('.test.ts')).map(f => path.join(here, f)),
	outdir: out,
	bundle: true,
	platform: 'node',
	format: 'esm',
	outExtension: { '.js': '.mjs' },
	target: 'node20',
	sourcemap: 'inline',
	alias: { vscode: path.join(here, 'vscode.ts') },
	external: ['vscode-languageclient', 'vscode-jsonrpc'],
	banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
});
const files = fs.readdirSync(out).filter(f => f.endsWith('.test.mjs')).map(f => path.join(out, f));
const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', '--test-reporter=spec', ...process.argv.slice(2), ...files], { stdio: 'inherit', cwd: path.join(here, '..') });
process.exit(run.status ?? 1);
