// Package session knows who is logged in, and what to tell them on the next
// page. There are no passwords: it is a sample.
package session

import (
	"context"
	"net/http"
	"net/url"

	"github.com/alexedwards/scs/v2"
)

// Keys in the session; both values are strings.
const (
	keyUser  = "user"
	keyFlash = "flash"
)

// userKey is the key in a request's context. Its type is a new one in each
// generation, which is fine: a request ends on the generation that it began on.
type userKey struct{}

// User returns who made the request, or "" if nobody is logged in.
func User(ctx context.Context) string {
	name, _ := ctx.Value(userKey{}).(string)
	return name
}

// Sessions keeps the name of the user in a session.
type Sessions struct{ Manager *scs.SessionManager }

// Load is the middleware that the rest of this package needs.
func (s Sessions) Load(next http.Handler) http.Handler {
	return s.Manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := s.Manager.GetString(r.Context(), keyUser)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, name)))
	}))
}

// Login makes name the user of this session.
func (s Sessions) Login(ctx context.Context, name string) error {
	if err := s.Manager.RenewToken(ctx); err != nil {
		return err
	}
	s.Manager.Put(ctx, keyUser, name)
	return nil
}

// Logout ends the session.
func (s Sessions) Logout(ctx context.Context) error { return s.Manager.Destroy(ctx) }

// Flash keeps a line for the page that this user sees next.
func (s Sessions) Flash(ctx context.Context, line string) { s.Manager.Put(ctx, keyFlash, line) }

// PopFlash returns the line that Flash kept, once. It is "" on routes without Load.
func (s Sessions) PopFlash(ctx context.Context) string {
	if ctx.Value(userKey{}) == nil {
		return ""
	}
	return s.Manager.PopString(ctx, keyFlash)
}

// Require is the middleware that sends everybody else to the login page, and
// back again afterwards.
func Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if User(r.Context()) != "" {
			next.ServeHTTP(w, r)
			return
		}
		login := "/login"
		if r.Method == http.MethodGet {
			login += "?next=" + url.QueryEscape(r.URL.RequestURI())
		}
		http.Redirect(w, r, login, http.StatusSeeOther)
	})
}
