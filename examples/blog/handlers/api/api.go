// Package api is the JSON API, made of typed handlers: what a handler takes
// comes from the path, the query and the body; what it returns becomes JSON.
package api

import (
	"html/template"
	"net/http"

	"example.com/blog/handlers/internal/markup"
	"example.com/blog/handlers/internal/session"
	"example.com/blog/store"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

// API needs the store and tells Publish about every new post.
type API struct {
	Store   *store.Store
	Views   *store.Views
	Publish func(store.Post)
}

// Register adds the routes to r, whose prefix is up to the caller.
func (a *API) Register(r *hotreload.RouteSink) {
	r.Get("/posts", a.list)
	r.Get("/posts/{id}", a.show)
	r.Post("/posts", a.create)
}

// Post is a post as clients see it.
type Post struct {
	store.Post
	HTML  template.HTML `json:"html"`
	Views int           `json:"views"` // since the process started
}

func (a *API) present(p store.Post) Post {
	return Post{Post: p, HTML: markup.HTML(p.Body), Views: a.Views.All()[p.ID]}
}

// ListIn asks for a page of posts.
type ListIn struct {
	Page int `query:"page"` // from 1
}

// ListOut is a page of posts, newest first.
type ListOut struct {
	Page  int    `json:"page"`
	Posts []Post `json:"posts"`
}

func (a *API) list(c *hotreload.Ctx, in ListIn) (ListOut, error) {
	posts, err := a.Store.Posts(c.Context(), in.Page)
	if err != nil {
		return ListOut{}, err
	}
	out := ListOut{Page: max(in.Page, 1), Posts: make([]Post, len(posts))}
	for i, p := range posts {
		out.Posts[i] = a.present(p)
	}
	return out, nil
}

// ShowIn names a post.
type ShowIn struct {
	ID int64 `path:"id"`
}

func (a *API) show(c *hotreload.Ctx, in ShowIn) (Post, error) {
	p, err := a.Store.Post(c.Context(), in.ID)
	return a.present(p), err
}

// CreateIn is a new post.
type CreateIn struct {
	Title string `json:"title"`
	Body  string `json:"body"`
}

func (a *API) create(c *hotreload.Ctx, in CreateIn) (Post, error) {
	user := session.User(c.Context())
	if user == "" {
		return Post{}, hotreload.StatusErrorf(http.StatusUnauthorized, "log in to write")
	}
	p, err := a.Store.AddPost(c.Context(), user, in.Title, in.Body)
	if err != nil {
		return Post{}, err // a fault in the text is a 400: see handlers.fail
	}
	a.Publish(p)
	c.Status(http.StatusCreated)
	return a.present(p), nil
}
