CREATE TABLE users (
	name       TEXT PRIMARY KEY,
	created_at INTEGER NOT NULL -- Unix milliseconds, as in every table
) STRICT;

CREATE TABLE posts (
	id         INTEGER PRIMARY KEY,
	title      TEXT NOT NULL,
	body       TEXT NOT NULL,
	author     TEXT NOT NULL REFERENCES users (name),
	created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE comments (
	id         INTEGER PRIMARY KEY,
	post_id    INTEGER NOT NULL REFERENCES posts (id),
	body       TEXT NOT NULL,
	author     TEXT NOT NULL REFERENCES users (name),
	created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX comments_of_post ON comments (post_id, id);
