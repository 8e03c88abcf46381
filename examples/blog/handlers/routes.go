// Package handlers is the hot part of the blog: everything that answers
// requests. It takes what lives longer than its code from the Container.
package handlers

import (
	"database/sql"
	"log/slog"
	"net/http"
	"sync/atomic"

	"example.com/blog/feed"
	"example.com/blog/handlers/api"
	"example.com/blog/handlers/internal/session"
	"example.com/blog/handlers/views"
	"example.com/blog/store"
	"github.com/alexedwards/scs/v2"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

// hits belongs to the code, so it starts at zero in every generation. Compare
// app.hits, which lives in the Container.
var hits atomic.Int64

// app is what the handlers share.
type app struct {
	generation int
	db         *sql.DB
	hits       *hotreload.State[int]
	hub        *feed.Hub
	log        *slog.Logger
	pages      views.Pages
	sessions   session.Sessions
	store      *store.Store
	views      *store.Views
}

// AnvilRegisterRoutes registers the routes of one generation.
func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	pages, err := views.Parse()
	if err != nil {
		r.Fail(err)
		return
	}
	c := r.Container()
	a := &app{
		generation: r.Generation(),
		db:         hotreload.MustLookup[*sql.DB](c),
		hits:       hotreload.StateOf(c, "hits", func() int { return 0 }),
		hub:        hotreload.MustLookup[*feed.Hub](c),
		log:        hotreload.MustLookup[*slog.Logger](c),
		pages:      pages,
		sessions:   session.Sessions{Manager: hotreload.MustLookup[*scs.SessionManager](c)},
		store:      hotreload.MustLookup[*store.Store](c),
		views:      hotreload.MustLookup[*store.Views](c),
	}

	r.OnError(a.fail)
	r.Use(logRequests(a.log), http.NewCrossOriginProtection().Handler)
	r.Mount("/static", views.Static())
	r.Get("/favicon.ico", http.RedirectHandler("/static/favicon.svg", http.StatusFound)) // http.Handler
	r.Get("/healthz", health(a.db))                                                      // http.HandlerFunc

	site := r.With(a.sessions.Load)
	site.NotFound(a.notFound)
	site.Get("/", a.home) // func(*hotreload.Ctx) error
	site.Get("/posts/{id}", a.showPost)
	site.Get("/whoami", a.whoami)
	site.Get("/feed", a.subscribe) // func(http.ResponseWriter, *http.Request)
	site.Get("/login", a.loginForm)
	site.Post("/login", a.login) // func(http.ResponseWriter, *http.Request) error
	site.Post("/logout", a.logout)
	site.Group("", func(r *hotreload.RouteSink) {
		r.Use(session.Require)
		r.Get("/posts/new", a.postForm)
		r.Post("/posts", a.createPost)
		r.Post("/posts/{id}/comments", a.addComment)
		r.Mount("/debug", debugRoutes(a.db)) // a chi application
	})
	site.Group("/api", (&api.API{Store: a.store, Views: a.views, Publish: a.publish}).Register) // func(*hotreload.Ctx, In) (Out, error)

	a.hub.Handlers.Add(r, "echo", a.echo)
	a.hub.Handlers.Add(r, "shout", a.shout)
}
