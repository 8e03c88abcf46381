INSERT INTO users (name, created_at) VALUES ('gopher', unixepoch() * 1000);

INSERT INTO posts (title, author, created_at, body) VALUES
('The pool stays open', 'gopher', unixepoch() * 1000 - 86400000,
'With anvil-lsp this page comes from a process that does not stop when its code changes. The **database pool**, the *sessions* and everybody
who listens to the live feed live in the host; the code that wrote this line is a plugin of the newest generation.

What survives a save:

- the `*sql.DB` and its open connections
- who is logged in
- the WebSocket subscribers
- the views of each post, which are only in memory

> Nothing was restarted, so there is nothing to warm up.'),
('Change a handler and save', 'gopher', unixepoch() * 1000,
'Every handler, template and style of this site can be replaced while you read it.

Open `handlers/pages.go`, change something, and save:

    func (a *app) home(c *hotreload.Ctx) error {
        n := hits.Add(1)

The counter named *this generation* starts again at one, because a package variable belongs to the code. The counter named *this process*
goes on, because it lives in the Container.

The message handlers of the feed in `handlers/feed.go` are hot as well: **shout something**, edit, shout again. The connection is the same one.');
