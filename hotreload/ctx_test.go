package hotreload

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestCtxAnswers(t *testing.T) {
	type key struct{}
	c := NewContainer()
	Provide(c, "thing")
	s := NewLiveState(c)
	goLiveWith(t, s, func(r *RouteSink) {
		r.Get("/text", func(c *Ctx) error { return c.Text(http.StatusTeapot, MustLookup[string](c.Container())) })
		r.Get("/html", func(c *Ctx) error { return c.HTML(0, "<p>") })
		r.Get("/json", func(c *Ctx) error { return c.JSON(0, "<&>") })
		r.Get("/away", func(c *Ctx) error { return c.Redirect(0, "/text") })
		r.Get("/none", func(c *Ctx) error { return c.NoContent() })
		r.Get("/echo/{id}/*", func(c *Ctx) error {
			return c.JSON(0, []any{c.Param("id"), c.Param("*"), c.Param("no"), c.Query("q"), c.Query("no"), c.Generation(), c.Context().Value(key{})})
		})
	})
	for _, test := range []struct {
		path   string
		status int
		kind   string
		body   string
	}{
		{"/text", http.StatusTeapot, "text/plain; charset=utf-8", "thing"},
		{"/html", http.StatusOK, "text/html; charset=utf-8", "<p>"},
		{"/json", http.StatusOK, "application/json", "\"<&>\"\n"},
		{"/away", http.StatusSeeOther, "text/html; charset=utf-8", "<a href=\"/text\">See Other</a>.\n\n"},
		{"/none", http.StatusNoContent, "", ""},
		{"/echo/7/a/b?q=x&q=y", http.StatusOK, "application/json", `["7","a/b","","x","",1,"v"]` + "\n"},
		{"/echo/a%2Fb/%41%20", http.StatusOK, "application/json", `["a/b","A ","","","",1,"v"]` + "\n"},
	} {
		w := httptest.NewRecorder()
		r := localRequest("GET", test.path, nil)
		s.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "v")))
		if w.Code != test.status || w.Header().Get("Content-Type") != test.kind || w.Body.String() != test.body {
			t.Errorf("%s: got %d %q %q", test.path, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
}
