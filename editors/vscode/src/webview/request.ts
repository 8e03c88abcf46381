// The page of a request panel. It has no state but what is typed; everything that comes from the live server is put in as text.
import type { Answer, Form, FromWebview, ToWebview } from '../request/messages';
import { methodTitle } from '../routes/name';

declare function acquireVsCodeApi(): { postMessage(m: FromWebview): void };
const vscode = acquireVsCodeApi();

/** Makes an element with attributes and children. */
function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Record<string, string> = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
	const e = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		e.setAttribute(name, value);
	}
	e.append(...children);
	return e;
}

const title = el('h1');
const handler = el('div', { class: 'dim' });
const parameters = el('div', { class: 'fields' });
const query = el('input', { id: 'query', placeholder: 'name=value&other=value', spellcheck: 'false' });
const headers = el('textarea', { id: 'headers', rows: '2', placeholder: 'Name: value', spellcheck: 'false' });
const body = el('textarea', { id: 'body', rows: '4', spellcheck: 'false' });
const bodyField = field('Body', body);
const repeat = el('input', { type: 'checkbox', id: 'repeat' });
const sendButton = button('Send', () => vscode.postMessage({ type: 'send', form: form() }));
const result = el('section', { id: 'result', 'aria-live': 'polite' });
const browser = link('Open in browser', () => tell({ type: 'browser' }));
const inputs = new Map<string, HTMLInputElement>();

document.body.append(
	title,
	handler,
	el(
		'form',
		{},
		parameters,
		el('div', { class: 'fields' }, field('Query', query)),
		el('details', { id: 'more' }, el('summary', {}, 'Headers and body'), field('Headers', headers), bodyField),
		el(
			'div',
			{ class: 'row' },
			sendButton,
			el('label', { class: 'check', for: 'repeat' }, repeat, 'Again after each reload'),
			el('span', { class: 'spring' }),
			el('span', { class: 'links' }, link('Copy as curl', () => tell({ type: 'curl' })), browser),
		),
	),
	result,
);

document.querySelector('form')?.addEventListener('submit', e => e.preventDefault());
document.addEventListener('input', () => vscode.postMessage({ type: 'form', form: form() }));
document.addEventListener('keydown', e => {
	const inText = e.target instanceof HTMLTextAreaElement;
	if (e.key === 'Enter' && (!inText || e.ctrlKey || e.metaKey)) {
		if (e.target instanceof HTMLInputElement && e.target.type !== 'checkbox') {
			e.preventDefault();
			sendButton.click();
		} else if (inText) {
			sendButton.click();
		}
	}
});

window.addEventListener('message', (e: MessageEvent<ToWebview>) => {
	const m = e.data;
	switch (m.type) {
		case 'route': {
			title.replaceChildren(el('span', { class: `method ${m.method === '*' ? 'any' : m.method.toLowerCase()}` }, methodTitle(m.method)), ` ${m.pattern}`);
			handler.textContent = m.handler;
			inputs.clear();
			parameters.replaceChildren(
				...m.parameters.map(p => {
					const input = el('input', { id: `p-${p.name}`, spellcheck: 'false', placeholder: p.expression });
					input.value = m.form.parameters[p.name] ?? '';
					inputs.set(p.name, input);
					return field(p.name === '*' ? 'rest of the path' : `{${p.name}}`, input);
				}),
			);
			query.value = m.form.query;
			headers.value = m.form.headers;
			body.value = m.form.body;
			repeat.checked = m.form.repeat;
			const plain = ['GET', 'HEAD'].includes(m.method);
			browser.hidden = m.method !== 'GET' && m.method !== '*'; // a browser cannot send it
			bodyField.hidden = plain;
			document.querySelector('details')?.toggleAttribute('open', !plain);
			return;
		}
		case 'sending':
			result.classList.add('waiting');
			return;
		case 'failed':
			result.classList.remove('waiting');
			result.replaceChildren(el('p', { class: 'error' }, `${m.when}: ${m.message}`));
			return;
		case 'answer':
			result.classList.remove('waiting');
			show(m.answer);
	}
});

function show(a: Answer): void {
	const kind = a.status >= 500 ? 'bad' : a.status >= 400 ? 'warn' : 'good';
	result.replaceChildren(
		el(
			'p',
			{ class: 'summary' },
			el('span', { class: `status ${kind}` }, `${a.status} ${a.statusText}`.trim()),
			` · ${milliseconds(a.totalMs)} · ${size(a.bytes)} · gen ${a.generation}`,
		),
		el('p', { class: 'dim url' }, a.url),
		...(a.difference ? [difference(a.difference)] : []),
		el(
			'details',
			{ id: 'answer-headers' },
			el('summary', {}, `${a.headers.length} headers`),
			el('table', {}, ...a.headers.map(([n, v]) => el('tr', {}, el('th', { scope: 'row' }, n), el('td', {}, v)))),
		),
		el('pre', { id: 'answer-body', tabindex: '0' }, a.body),
		...(a.cut ? [el('p', { class: 'dim' }, `Not the whole body: ${a.cut}.`)] : []),
	);
}

function difference(d: NonNullable<Answer['difference']>): HTMLElement {
	if (d.same) {
		return el('p', { id: 'difference', class: 'dim' }, `Same answer as from generation ${d.generation}.`);
	}
	const words = d.tooMuch ? 'nearly everything is different' : `+${d.added} −${d.removed} lines`;
	const marks = { same: ' ', added: '+', removed: '−', gap: '⋯' };
	return el(
		'details',
		{ id: 'difference', open: '' },
		el('summary', {}, `Changed since generation ${d.generation}: ${words}`),
		el('pre', { class: 'diff' }, ...d.lines.map(l => el('div', { class: l.kind }, `${marks[l.kind]} ${l.text}`))),
		link('Compare in an editor', () => tell({ type: 'compare' })),
	);
}

function form(): Form {
	return {
		parameters: Object.fromEntries([...inputs].map(([name, input]) => [name, input.value])),
		query: query.value,
		headers: headers.value,
		body: body.value,
		repeat: repeat.checked,
	};
}

function tell(m: FromWebview): void {
	vscode.postMessage({ type: 'form', form: form() });
	vscode.postMessage(m);
}

function field(name: string, input: HTMLElement): HTMLElement {
	return el('div', { class: 'field' }, el('label', { for: input.id }, name), input);
}

function button(text: string, onClick: () => void): HTMLButtonElement {
	const b = el('button', { type: 'button', id: text.toLowerCase() }, text);
	b.addEventListener('click', onClick);
	return b;
}

function link(text: string, onClick: () => void): HTMLButtonElement {
	const b = el('button', { type: 'button', class: 'link' }, text);
	b.addEventListener('click', onClick);
	return b;
}

function milliseconds(ms: number): string {
	return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

function size(bytes: number): string {
	return bytes < 1024 ? `${bytes} B` : bytes < 1 << 20 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

vscode.postMessage({ type: 'ready' });
