package store_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"example.com/blog/store"
)

func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Two processes overlap during a warm restart, and both open the database.
func TestOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder?", "blog.db")
	var pools sync.WaitGroup
	for range 8 {
		pools.Go(func() {
			db, err := store.Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			if posts, err := store.New(db).Posts(t.Context(), 1); err != nil || len(posts) != 2 {
				t.Errorf("got %d posts, %v; want the two seeded ones", len(posts), err)
			}
		})
	}
	pools.Wait()
}

// A writer in one process waits for the one in the other, readers never do.
func TestWriteAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blog.db")
	const pools, posts = 2, 20
	var writers sync.WaitGroup
	for range pools {
		s := store.New(open(t, path))
		writers.Go(func() {
			for range posts {
				if _, err := s.AddPost(t.Context(), "gopher", "A title", "text"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()

	ctx, s := t.Context(), store.New(open(t, path))
	db := open(t, path)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if last, err := s.Post(ctx, 2+pools*posts); err != nil || last.Title != "A title" {
		t.Errorf("while another process writes: got %+v, %v", last, err)
	}
}

func TestComments(t *testing.T) {
	ctx, s := t.Context(), store.New(open(t, filepath.Join(t.TempDir(), "blog.db")))
	if err := s.AddComment(ctx, 1, "gopher", " hello "); err != nil {
		t.Fatal(err)
	}
	comments, err := s.Comments(ctx, 1)
	if err != nil || len(comments) != 1 || comments[0].Body != "hello" || comments[0].CreatedAt.IsZero() {
		t.Errorf("got %+v, %v", comments, err)
	}
	if p, err := s.Post(ctx, 1); err != nil || p.Comments != 1 {
		t.Errorf("post has %d comments, %v; want 1", p.Comments, err)
	}
}

func TestErrors(t *testing.T) {
	ctx, s := t.Context(), store.New(open(t, filepath.Join(t.TempDir(), "blog.db")))
	for name, do := range map[string]func(context.Context) error{
		"post":    func(ctx context.Context) error { _, err := s.Post(ctx, 99); return err },
		"comment": func(ctx context.Context) error { return s.AddComment(ctx, 99, "gopher", "hello") },
	} {
		if err := do(ctx); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
	for name, do := range map[string]func(context.Context) error{
		"title":   func(ctx context.Context) error { _, err := s.AddPost(ctx, "gopher", "x", "text"); return err },
		"body":    func(ctx context.Context) error { _, err := s.AddPost(ctx, "gopher", "A title", " "); return err },
		"comment": func(ctx context.Context) error { return s.AddComment(ctx, 1, "gopher", "") },
		"name":    func(ctx context.Context) error { _, err := s.AddUser(ctx, "a/b"); return err },
	} {
		if invalid, ok := errors.AsType[*store.InvalidError](do(ctx)); !ok || invalid.Field != name {
			t.Errorf("%s: got %v, want an InvalidError", name, do(ctx))
		}
	}
}
