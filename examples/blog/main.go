// Command blog is a small web application whose handlers can be replaced while
// it runs. What must survive that is made here and put into the Container: the
// database, the sessions, the hub of the live feed.
package main

import (
	"context"
	"flag"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"example.com/blog/feed"
	"example.com/blog/handlers"
	"example.com/blog/store"
	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on in production")
	path := flag.String("db", filepath.Join("data", "blog.db"), "database `file`")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, log, *addr, *path); err != nil {
		log.Error("blog ends", "err", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, log *slog.Logger, addr, path string) error {
	c, err := newContainer(ctx, log, path)
	if err != nil {
		return err
	}
	return hotreload.LiveServer(ctx, hotreload.Options{
		Addr:      addr,
		Container: c,
		Register:  handlers.AnvilRegisterRoutes,
		Server:    &http.Server{ReadHeaderTimeout: 10 * time.Second},
		Logger:    log,
	})
}

// newContainer makes everything that outlives a generation. Its closers run in
// reverse order: subscribers leave before the database closes.
func newContainer(ctx context.Context, log *slog.Logger, path string) (*hotreload.Container, error) {
	db, err := store.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	sessionStore := sqlite3store.New(db)
	hub := feed.NewHub(log)

	c := hotreload.NewContainer()
	hotreload.Provide(c, log)
	hotreload.Provide(c, db)
	hotreload.Provide(c, store.New(db))
	hotreload.Provide(c, store.NewViews())
	hotreload.Provide(c, newSessions(sessionStore, log))
	hotreload.Provide(c, hub)
	c.OnClose("database", func(context.Context) error { return db.Close() })
	c.OnClose("expired sessions", func(context.Context) error { sessionStore.StopCleanup(); return nil })
	c.OnClose("feed", hub.Close)
	return c, nil
}

func newSessions(s scs.Store, log *slog.Logger) *scs.SessionManager {
	m := scs.New()
	m.Store = s
	m.Lifetime = 30 * 24 * time.Hour
	m.Cookie.Name = "blog_session" // cookies ignore the port: keep clear of other local servers
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		log.ErrorContext(r.Context(), "session failed", "path", r.URL.Path, "err", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
	return m
}
