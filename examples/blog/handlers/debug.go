package handlers

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"time"

	"example.com/blog/handlers/internal/session"
	"github.com/anvilforge/anvil-lsp/hotreload"
	"github.com/go-chi/chi/v5"
)

// whoami shows what a reload keeps and what it resets.
func (a *app) whoami(c *hotreload.Ctx) error {
	return c.JSON(http.StatusOK, map[string]any{
		// The code:
		"generation": a.generation,
		"hits":       hits.Load(),
		// What lives in the Container:
		"kept_hits":   a.hits.Get(),
		"db":          fmt.Sprintf("%p", a.db),
		"views":       a.views.All(),
		"subscribers": a.hub.Len(),
		// The process, and the session in the database:
		"pid":  os.Getpid(),
		"user": session.User(c.Context()),
	})
}

// health answers 200 while the database does.
func health(db *sql.DB) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if err := db.PingContext(ctx); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

// debugRoutes is an ordinary chi application, as one may have it already.
func debugRoutes(db *sql.DB) http.Handler {
	show := func(v func() any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v()) // an error here means that the client is gone
		}
	}
	r := chi.NewRouter()
	r.Get("/db", show(func() any { return db.Stats() }))
	r.Get("/runtime", show(func() any {
		return map[string]any{"goroutines": runtime.NumGoroutine(), "version": runtime.Version()}
	}))
	return r
}
