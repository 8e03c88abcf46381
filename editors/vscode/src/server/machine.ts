// The machine that this extension runs on.
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import type { Machine } from './locate';

export const thisMachine: Machine = {
	env: process.env,
	home: os.homedir(),
	platform: process.platform,
	async executable(file) {
		try {
			const stat = await fs.stat(file);
			await fs.access(file, fs.constants.X_OK);
			return stat.isFile();
		} catch {
			return false;
		}
	},
	run(command, args, { cwd, timeout, env }) {
		return new Promise((resolve, reject) => {
			execFile(command, args, { cwd, timeout, env: env ?? process.env, maxBuffer: 4 << 20 }, (err, stdout, stderr) => {
				if (!err) {
					resolve({ stdout, stderr });
				} else if (err.killed) {
					reject(new Error(`did not answer within ${timeout / 1000} s`));
				} else if (err.code === 'ENOENT') {
					reject(new Error('does not exist'));
				} else if (err.code === 'EACCES') {
					reject(new Error('may not be executed'));
				} else {
					reject(new Error(stderr.trim().split('\n').at(-1) || err.message));
				}
			});
		});
	},
};
