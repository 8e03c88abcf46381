// Writes the licences of what is bundled, since their terms ask for it. Called by esbuild.mjs with what it bundled.
import fs from 'node:fs';
import path from 'node:path';

export function writeNotices(metafiles, file) {
	const packages = new Set();
	for (const input of metafiles.flatMap(m => Object.keys(m.inputs))) {
		const dir = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
		if (dir) {
			packages.add(dir);
		}
	}
	const texts = [...packages].sort().map(dir => {
		const { name, version, license } = JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8'));
		const licence = fs.readdirSync(dir).find(f => /^licen[cs]e/i.test(f));
		if (!licence) {
			throw new Error(`${name} has no licence file`);
		}
		return `${name} ${version} (${license})\n\n${fs.readFileSync(path.join(dir, licence), 'utf8').trim()}\n`;
	});
	fs.writeFileSync(file, `This extension contains the following packages.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`);
}
