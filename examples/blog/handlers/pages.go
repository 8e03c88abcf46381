package handlers

import (
	"errors"
	"net/http"
	"os"
	"strconv"

	"example.com/blog/handlers/internal/session"
	"example.com/blog/handlers/views"
	"example.com/blog/store"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func (a *app) home(c *hotreload.Ctx) error {
	n := hits.Add(1)
	var kept int
	a.hits.Update(func(hits *int) { *hits++; kept = *hits })

	page, _ := strconv.Atoi(c.Query("page")) // anything odd is the first page
	page = max(page, 1)
	posts, err := a.store.Posts(c.Context(), page)
	if err != nil {
		return err
	}
	older := 0
	if len(posts) == store.PageSize {
		older = page + 1
	}
	return a.render(c.Writer, c.Request, http.StatusOK, "home", "", map[string]any{
		"Posts": posts, "Newer": page - 1, "Older": older, "Hits": n, "Kept": kept,
	})
}

func (a *app) showPost(c *hotreload.Ctx) error {
	return a.renderPost(c.Writer, c.Request, http.StatusOK, "", "")
}

func (a *app) addComment(w http.ResponseWriter, r *http.Request) error {
	id, err := postID(r)
	if err != nil {
		return err
	}
	body := r.FormValue("body")
	err = a.store.AddComment(r.Context(), id, session.User(r.Context()), body)
	if _, invalid := errors.AsType[*store.InvalidError](err); invalid {
		return a.renderPost(w, r, http.StatusUnprocessableEntity, body, err.Error())
	} else if err != nil {
		return err
	}
	http.Redirect(w, r, postURL(id)+"#comments", http.StatusSeeOther)
	return nil
}

// renderPost shows a post, with a comment that was refused and the reason.
func (a *app) renderPost(w http.ResponseWriter, r *http.Request, status int, comment, problem string) error {
	id, err := postID(r)
	if err != nil {
		return err
	}
	post, err := a.store.Post(r.Context(), id)
	if err != nil {
		return err
	}
	comments, err := a.store.Comments(r.Context(), id)
	if err != nil {
		return err
	}
	return a.render(w, r, status, "post", post.Title, map[string]any{
		"Post": post, "Comments": comments, "Views": a.views.Add(id), "Comment": comment, "Problem": problem,
	})
}

func (a *app) postForm(c *hotreload.Ctx) error {
	return a.renderPostForm(c.Writer, c.Request, http.StatusOK, store.Post{}, "")
}

func (a *app) createPost(w http.ResponseWriter, r *http.Request) error {
	post, err := a.store.AddPost(r.Context(), session.User(r.Context()), r.FormValue("title"), r.FormValue("body"))
	if _, invalid := errors.AsType[*store.InvalidError](err); invalid {
		return a.renderPostForm(w, r, http.StatusUnprocessableEntity, post, err.Error())
	} else if err != nil {
		return err
	}
	a.publish(post)
	a.sessions.Flash(r.Context(), "Published.")
	http.Redirect(w, r, postURL(post.ID), http.StatusSeeOther)
	return nil
}

func (a *app) renderPostForm(w http.ResponseWriter, r *http.Request, status int, post store.Post, problem string) error {
	return a.render(w, r, status, "write", "Write", map[string]any{"Post": post, "Problem": problem})
}

// render shows a page to the user of the request.
func (a *app) render(w http.ResponseWriter, r *http.Request, status int, name, title string, data any) error {
	return a.pages.Render(w, status, name, views.Page{
		Title:      title,
		User:       session.User(r.Context()),
		Flash:      a.sessions.PopFlash(r.Context()),
		Generation: a.generation,
		PID:        os.Getpid(),
		Data:       data,
	})
}

func postID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, hotreload.StatusErrorf(http.StatusNotFound, "there is no post %q", r.PathValue("id"))
	}
	return id, nil
}

func postURL(id int64) string { return "/posts/" + strconv.FormatInt(id, 10) }
