package hotreload

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestErrorText(t *testing.T) {
	wrapped := StatusErrorf(http.StatusNotFound, "no post %d: %w", 7, fs.ErrNotExist)
	if !errors.Is(wrapped, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{wrapped, "404 Not Found: no post 7: file does not exist"},
		{StatusErrorf(http.StatusConflict, "taken"), "409 Conflict: taken"},
		{&StatusError{Status: 503, Title: "Busy", Detail: "later", Err: fs.ErrClosed}, "503 Busy: later: file already closed"},
		{&StatusError{Status: 599}, "599 Error"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestReturnedErrors(t *testing.T) {
	var log logBuffer
	s := NewLiveState(nil)
	s.logger = textLogger(&log)
	fail := func(err error) func(*Ctx) error { return func(*Ctx) error { return err } }
	goLiveWith(t, s, func(r *RouteSink) {
		r.Get("/secret", fail(errors.New("password is 1234")))
		r.Get("/wrapped", fail(fmt.Errorf("outer: %w", StatusErrorf(http.StatusNotFound, "no post"))))
		r.Get("/busy", fail(&StatusError{Status: 503, Title: "Busy", Detail: "queue 7 is full", Err: errors.New("cause")}))
		r.Get("/odd", fail(&StatusError{Status: 200}))
		r.Get("/plain", func(w http.ResponseWriter, r *http.Request) error { return StatusErrorf(http.StatusConflict, "taken") })
		r.Get("/late", func(c *Ctx) error {
			_ = c.Text(http.StatusOK, "half an answer")
			return errors.New("too late")
		})
	})
	for _, test := range []struct{ path, accept, want string }{
		{"/secret", "", `500 application/problem+json {"title":"Internal Server Error","status":500}`},
		{"/secret", "text/html,*/*", "500 text/plain; charset=utf-8 500 Internal Server Error"},
		{"/wrapped", "text/plain", "404 text/plain; charset=utf-8 404 Not Found\n\nno post"},
		{"/wrapped", "application/xml, application/json", `404 application/problem+json {"title":"Not Found","status":404,"detail":"no post"}`},
		{"/busy", "*/*", `503 application/problem+json {"title":"Busy","status":503}`},
		{"/odd", "", `500 application/problem+json {"title":"Internal Server Error","status":500}`},
		{"/plain", "", `409 application/problem+json {"title":"Conflict","status":409,"detail":"taken"}`},
		{"/late", "", "200 text/plain; charset=utf-8 half an answer"},
	} {
		r := localRequest("GET", test.path, nil)
		r.Header.Set("Accept", test.accept)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if got := strings.TrimSpace(fmt.Sprintf("%d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body)); got != test.want {
			t.Errorf("%s: got %q\nwant %q", test.path, got, test.want)
		}
	}
	for _, want := range []string{"password is 1234", "cause", "too late", "url=/secret"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not have %q:\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "no post") {
		t.Errorf("the log has client errors:\n%s", log.String())
	}
}

func TestErrorHook(t *testing.T) {
	s := serving(t, func(r *RouteSink) {
		r.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
			http.Error(w, r.URL.Path+": "+err.Error(), http.StatusTeapot)
		})
		r.Get("/a", func(*Ctx) error { return errors.New("oops") })
		r.Get("/b", func(*Ctx, struct{}) (int, error) { return 0, errors.New("oops") })
		r.NotFound(func(*Ctx) error { return errors.New("nowhere") })
		r.Get("/typed", func(*Ctx, struct {
			N int `query:"n"`
		}) (int, error) {
			return 0, nil
		})
	})
	for request, want := range map[string]string{
		"GET /a":         "418 /a: oops",
		"GET /b":         "418 /b: oops",
		"GET /c":         "418 /c: nowhere",
		"GET /typed?n=x": `400 {"title":"Bad Request","status":400,"detail":"query parameter \"n\": \"x\" is not a whole number"}`,
	} {
		if got := ask(s, request); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
}
