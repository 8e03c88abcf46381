package handlers

import (
	"errors"
	"net/http"
	"strings"

	"example.com/blog/store"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func (a *app) loginForm(c *hotreload.Ctx) error {
	return a.renderLogin(c.Writer, c.Request, http.StatusOK, "")
}

func (a *app) login(w http.ResponseWriter, r *http.Request) error {
	name, err := a.store.AddUser(r.Context(), r.FormValue("name"))
	if _, invalid := errors.AsType[*store.InvalidError](err); invalid {
		return a.renderLogin(w, r, http.StatusUnprocessableEntity, err.Error())
	} else if err != nil {
		return err
	}
	if err := a.sessions.Login(r.Context(), name); err != nil {
		return err
	}
	a.sessions.Flash(r.Context(), "Welcome, "+name+".")
	http.Redirect(w, r, local(r.FormValue("next")), http.StatusSeeOther)
	return nil
}

func (a *app) renderLogin(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	return a.render(w, r, status, "login", "Log in", map[string]any{
		"Name": r.FormValue("name"), "Next": local(r.FormValue("next")), "Problem": problem,
	})
}

func (a *app) logout(w http.ResponseWriter, r *http.Request) error {
	if err := a.sessions.Logout(r.Context()); err != nil {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// local returns a path on this site: next, or "/" if that leads elsewhere.
func local(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.Contains(next, `\`) {
		return "/"
	}
	return next
}
