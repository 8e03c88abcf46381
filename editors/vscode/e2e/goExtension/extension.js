// Starts `dlv dap` for each debug session.
const { spawn } = require('node:child_process');
const vscode = require('vscode');

exports.activate = context => {
	context.subscriptions.push(
		vscode.debug.registerDebugAdapterDescriptorFactory('go', {
			createDebugAdapterDescriptor: () =>
				new Promise((resolve, reject) => {
					const dlv = spawn(process.env.ANVIL_E2E_DLV, ['dap', '--listen=127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
					context.subscriptions.push({ dispose: () => dlv.kill() });
					let said = '';
					dlv.stdout.on('data', text => {
						const port = /listening at: 127\.0\.0\.1:(\d+)/.exec((said += text))?.[1];
						if (port) {
							resolve(new vscode.DebugAdapterServer(Number(port), '127.0.0.1'));
						}
					});
					dlv.once('error', reject);
					dlv.once('exit', code => reject(new Error(`dlv ended with ${code}: ${said}`)));
				}),
		}),
	);
};
