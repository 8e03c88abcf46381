// Package store keeps the blog's users, posts and comments in SQLite.
//
// It is a host package: main opens the pool and puts it into the Container, so
// the types here are the same for every generation of the handlers, and an edit
// here takes a warm restart.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// PageSize is how many posts Posts returns at most.
const PageSize = 10

// ErrNotFound reports that there is no such post.
var ErrNotFound = errors.New("not found")

// InvalidError reports input that the store does not take.
type InvalidError struct {
	Field  string
	Reason string
}

func (e *InvalidError) Error() string { return e.Field + " " + e.Reason }

// Post is an article of the blog.
type Post struct {
	ID        int64     `json:"id"`
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	Author    string    `json:"author"`
	CreatedAt time.Time `json:"created_at"`
	Comments  int       `json:"comments"` // how many there are
}

// Comment is a reader's answer to a post.
type Comment struct {
	Author    string
	Body      string
	CreatedAt time.Time
}

// Store reads and writes the blog. It is safe for concurrent use.
type Store struct{ db *sql.DB }

// New returns a Store on a pool that Open returned.
func New(db *sql.DB) *Store { return &Store{db} }

const selectPosts = `SELECT id, title, body, author, created_at,
	(SELECT count(*) FROM comments WHERE post_id = posts.id) FROM posts `

// Posts returns a page of posts, newest first. The first page is 1.
func (s *Store) Posts(ctx context.Context, page int) ([]Post, error) {
	rows, err := s.db.QueryContext(ctx, selectPosts+`ORDER BY id DESC LIMIT ? OFFSET ?`, PageSize, (max(page, 1)-1)*PageSize)
	return collect(rows, err, scanPost)
}

// Post returns one post, or ErrNotFound.
func (s *Store) Post(ctx context.Context, id int64) (Post, error) {
	p, err := scanPost(s.db.QueryRowContext(ctx, selectPosts+`WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Post{}, fmt.Errorf("post %d: %w", id, ErrNotFound)
	}
	return p, err
}

// AddPost writes a post. The error is an *InvalidError if the text is at fault.
func (s *Store) AddPost(ctx context.Context, author, title, body string) (Post, error) {
	p := Post{Title: strings.TrimSpace(title), Body: strings.TrimSpace(body), Author: author, CreatedAt: now()}
	if err := errors.Join(length("title", p.Title, 3, 100), length("body", p.Body, 1, 20_000)); err != nil {
		return p, err
	}
	err := s.db.QueryRowContext(ctx, `INSERT INTO posts (title, body, author, created_at) VALUES (?, ?, ?, ?) RETURNING id`,
		p.Title, p.Body, p.Author, p.CreatedAt.UnixMilli()).Scan(&p.ID)
	return p, err
}

// Comments returns the comments on a post, oldest first.
func (s *Store) Comments(ctx context.Context, post int64) ([]Comment, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT author, body, created_at FROM comments WHERE post_id = ? ORDER BY id`, post)
	return collect(rows, err, func(row scanner) (c Comment, err error) {
		var created int64
		err = row.Scan(&c.Author, &c.Body, &created)
		c.CreatedAt = time.UnixMilli(created)
		return c, err
	})
}

// AddComment answers a post. The error is ErrNotFound or an *InvalidError.
func (s *Store) AddComment(ctx context.Context, post int64, author, body string) error {
	body = strings.TrimSpace(body)
	if err := length("comment", body, 1, 2_000); err != nil {
		return err
	}
	res, err := s.db.ExecContext(ctx, `INSERT INTO comments (post_id, body, author, created_at)
		SELECT id, ?, ?, ? FROM posts WHERE id = ?`, body, author, now().UnixMilli(), post)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = fmt.Errorf("post %d: %w", post, ErrNotFound)
	}
	return err
}

var userName = regexp.MustCompile(`^[a-z][a-z0-9.-]{1,19}$`)

// AddUser makes sure that there is a user of that name, and returns the name
// as it is kept. The error is an *InvalidError if nobody can be called that.
func (s *Store) AddUser(ctx context.Context, name string) (string, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if !userName.MatchString(name) {
		return "", &InvalidError{"name", "needs 2 to 20 letters, digits, dots or dashes, and begins with a letter"}
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO users (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING`, name, now().UnixMilli())
	return name, err
}

// now is the time in the precision that the database keeps.
func now() time.Time { return time.Now().Truncate(time.Millisecond) }

func length(field, value string, least, most int) error {
	if n := utf8.RuneCountInString(value); n < least || n > most {
		return &InvalidError{field, fmt.Sprintf("needs %d to %d characters, has %d", least, most, n)}
	}
	return nil
}

type scanner interface{ Scan(dest ...any) error }

func scanPost(row scanner) (p Post, err error) {
	var created int64
	err = row.Scan(&p.ID, &p.Title, &p.Body, &p.Author, &created, &p.Comments)
	p.CreatedAt = time.UnixMilli(created)
	return p, err
}

// collect reads every row. It takes the results of QueryContext, and never
// returns a nil slice, so that JSON shows an empty list.
func collect[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}
