// The live feed: one WebSocket that stays through reloads of the handlers, and
// comes back by itself after a restart of the process.
const panel = document.getElementById("feed");
const list = panel.querySelector(".messages");
const form = panel.querySelector("form");
const badge = panel.querySelector(".state");
const keep = 50; // messages
const longest = 5000; // milliseconds between attempts

let socket;
let wait = 0;

function connect() {
	socket = new WebSocket(new URL("/feed", location.href.replace(/^http/, "ws")));
	socket.onopen = () => { wait = 0; show("live"); };
	socket.onmessage = (event) => add(JSON.parse(event.data));
	socket.onclose = () => {
		show("reconnecting");
		setTimeout(connect, wait);
		wait = Math.min(longest, 2 * wait + 100);
	};
}

function show(state) {
	badge.dataset.state = badge.textContent = state;
	for (const button of form.elements) button.disabled = state !== "live" && button.type === "submit";
}

function add({ type, text, from, url, generation }) {
	list.querySelector(".empty")?.remove();
	const item = document.createElement("li");
	item.className = type;
	if (generation) {
		const by = document.createElement("small");
		by.textContent = "gen " + generation;
		by.title = "the generation of the code that answered";
		item.append(by);
	}
	const who = document.createElement("b");
	who.textContent = { echo: "echo", error: "error" }[type] ?? (from || "guest");
	item.append(who, type === "post" ? " wrote " : " ");
	const what = document.createElement(url ? "a" : "span");
	if (url) what.href = url;
	what.textContent = text;
	item.append(what);
	list.append(item);
	while (list.children.length > keep) list.firstChild.remove();
	list.scrollTop = list.scrollHeight;
}

form.addEventListener("submit", (event) => {
	event.preventDefault();
	const type = event.submitter?.value ?? "shout";
	socket.send(JSON.stringify({ type, text: form.elements.text.value }));
	form.elements.text.value = "";
	form.elements.text.focus();
});

show("connecting");
connect();
