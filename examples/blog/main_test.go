package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"example.com/blog/feed"
	"example.com/blog/handlers"
	"github.com/anvilforge/anvil-lsp/hotreload"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// site is a blog of its own with one browser.
type site struct {
	*testing.T
	url     string
	browser *http.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	c, err := newContainer(t.Context(), slog.New(slog.DiscardHandler), filepath.Join(t.TempDir(), "blog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	state := hotreload.NewLiveState(c)
	if err := state.Register(handlers.AnvilRegisterRoutes); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(state)
	t.Cleanup(server.Close)
	jar, _ := cookiejar.New(nil) // never fails
	return &site{t, server.URL, &http.Client{Jar: jar}}
}

// do makes a request, follows redirects, and returns the last answer with its body.
func (s *site) do(method, path, contentType, body string) (*http.Response, string) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	res, err := s.browser.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return res, string(text)
}

func (s *site) get(path string) (*http.Response, string) {
	s.Helper()
	return s.do("GET", path, "", "")
}

func (s *site) submit(path string, form url.Values) (*http.Response, string) {
	s.Helper()
	return s.do("POST", path, "application/x-www-form-urlencoded", form.Encode())
}

func (s *site) login(name string) {
	s.Helper()
	if res, body := s.submit("/login", url.Values{"name": {name}}); res.StatusCode != http.StatusOK {
		s.Fatalf("login: %s\n%s", res.Status, body)
	}
}

// check reports an answer that has another status or does not contain all of want.
func (s *site) check(res *http.Response, body string, status int, want ...string) {
	s.Helper()
	if res.StatusCode != status {
		s.Errorf("%s: status %d, want %d\n%s", res.Request.URL, res.StatusCode, status, body)
	}
	for _, w := range want {
		if !strings.Contains(body, w) {
			s.Errorf("%s: does not contain %q\n%s", res.Request.URL, w, body)
		}
	}
}

func (s *site) subscribe() *websocket.Conn {
	s.Helper()
	conn, _, err := websocket.Dial(s.Context(), s.url+"/feed", &websocket.DialOptions{HTTPClient: s.browser})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { conn.CloseNow() })
	return conn
}

// ask sends a message, if there is one, and returns the next that arrives.
func (s *site) ask(conn *websocket.Conn, m *feed.Message) (got feed.Message) {
	s.Helper()
	if m != nil {
		if err := wsjson.Write(s.Context(), conn, m); err != nil {
			s.Fatal(err)
		}
	}
	if err := wsjson.Read(s.Context(), conn, &got); err != nil {
		s.Fatal(err)
	}
	return got
}

func TestPages(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct {
		path   string
		status int
		want   []string
	}{
		{"/", 200, []string{"The pool stays open", "<strong>database pool</strong>", `id="hits"`, "0 comments"}},
		{"/?page=2", 200, []string{"There is nothing here"}},
		{"/posts/2", 200, []string{"<h1>Change a handler and save</h1>", "<pre><code>func (a *app) home", "1 view since"}},
		{"/posts/99", 404, []string{"post 99: not found"}},
		{"/posts/x", 404, []string{"there is no post"}},
		{"/nowhere", 404, []string{"there is no page at this address"}},
		{"/login?next=//evil.example", 200, []string{`name="next" value="/"`}},
		{"/static/site.css", 200, []string{"light-dark("}},
		{"/favicon.ico", 200, []string{"<svg"}},
		{"/healthz", 200, []string{"ok"}},
	} {
		t.Run(tt.path, func(t *testing.T) {
			s := &site{t, s.url, s.browser}
			res, body := s.get(tt.path)
			s.check(res, body, tt.status, tt.want...)
		})
	}
}

func TestWrite(t *testing.T) {
	s := newSite(t)
	res, body := s.get("/posts/new")
	s.check(res, body, 200, "<h1>Log in</h1>", `name="next" value="/posts/new"`)
	res, body = s.submit("/posts", url.Values{"title": {"Sneaky"}, "body": {"text"}})
	s.check(res, body, 200, "<h1>Log in</h1>")
	res, body = s.submit("/login", url.Values{"name": {"!"}})
	s.check(res, body, 422, "name needs")

	res, body = s.submit("/login", url.Values{"name": {"Ada"}, "next": {"/posts/new"}})
	s.check(res, body, 200, "<h1>Write a post</h1>", "Welcome, ada.")
	res, body = s.submit("/posts", url.Values{"title": {"x"}, "body": {"kept text"}})
	s.check(res, body, 422, "title needs 3 to 100 characters, has 1", "kept text")
	res, body = s.submit("/posts", url.Values{"title": {"Notes <1>"}, "body": {"an **engine**"}})
	s.check(res, body, 200, "Published.", "<h1>Notes &lt;1&gt;</h1>", "an <strong>engine</strong>")
	res, body = s.submit(res.Request.URL.Path+"/comments", url.Values{"body": {"my *own*"}})
	s.check(res, body, 200, "1 comment<", "my <em>own</em>")
	res, body = s.submit("/posts/99/comments", url.Values{"body": {"lost"}})
	s.check(res, body, 404)
	res, body = s.get("/debug/db")
	s.check(res, body, 200, "OpenConnections")

	res, body = s.submit("/logout", nil)
	s.check(res, body, 200, "Notes &lt;1&gt;", "Log in")
}

func TestForeignOrigin(t *testing.T) {
	s := newSite(t)
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://evil.example")
	res, err := s.browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("status %d, want 403", res.StatusCode)
	}
}

func TestAPI(t *testing.T) {
	s := newSite(t)
	const problem = "application/problem+json"
	anonymous := `{"title":"A title","body":"text"}`
	res, body := s.do("POST", "/api/posts", "application/json", anonymous)
	s.check(res, body, 401, "log in to write")
	s.login("grace")
	for _, tt := range []struct {
		method, path, body string
		status             int
		contentType        string
		want               []string
	}{
		{"GET", "/api/posts", "", 200, "application/json", []string{`"page":1`, "Change a handler"}},
		{"GET", "/api/posts?page=7", "", 200, "application/json", []string{`"posts":[]`}},
		{"GET", "/api/posts?page=x", "", 400, problem, []string{"page"}},
		{"GET", "/api/posts/1", "", 200, "application/json", []string{`"id":1`, `"views":0`}},
		{"GET", "/api/posts/x", "", 400, problem, []string{"id"}},
		{"GET", "/api/posts/99", "", 404, problem, []string{"post 99"}},
		{"POST", "/api/posts", `{"title":"x","body":"text"}`, 400, problem, []string{"title needs 3 to 100"}},
		{"POST", "/api/posts", `{"title":`, 400, problem, nil},
		{"POST", "/api/posts", `{"title":"From the API","body":"text"}`, 201, "application/json", []string{`"id":3`, `"author":"grace"`}},
	} {
		t.Run(tt.method+" "+tt.path+" "+tt.body, func(t *testing.T) {
			s := &site{t, s.url, s.browser}
			res, body := s.do(tt.method, tt.path, "application/json", tt.body)
			s.check(res, body, tt.status, tt.want...)
			if got := res.Header.Get("Content-Type"); !strings.HasPrefix(got, tt.contentType) {
				t.Errorf("Content-Type %q, want %q", got, tt.contentType)
			}
		})
	}
}

func TestFeed(t *testing.T) {
	s := newSite(t)
	guest := s.subscribe()
	if got := s.ask(guest, &feed.Message{Type: "echo", Text: "hi"}); got.Type != "echo" || got.Text != "hi" || got.From != "" {
		t.Errorf("echo: got %+v", got)
	}
	if got := s.ask(guest, &feed.Message{Type: "dance"}); got.Type != "error" || !strings.Contains(got.Text, `"dance"`) {
		t.Errorf("a type without a handler: got %+v", got)
	}

	s.login("alan")
	user := s.subscribe()
	if got := s.ask(user, &feed.Message{Type: "shout", Text: "hello"}); got.Type != "shout" || got.Text != "HELLO!" || got.From != "alan" {
		t.Errorf("shout, to whom shouted: got %+v", got)
	}
	if got := s.ask(guest, nil); got.Text != "HELLO!" {
		t.Errorf("shout, to the other: got %+v", got)
	}
	s.submit("/posts", url.Values{"title": {"News"}, "body": {"text"}})
	if got := s.ask(guest, nil); got.Type != "post" || got.Text != "News" || got.URL != "/posts/3" || got.From != "alan" {
		t.Errorf("post: got %+v", got)
	}
}

func TestWhoami(t *testing.T) {
	s := newSite(t)
	s.login("barbara") // ends on the front page: one hit
	s.get("/posts/1")
	s.get("/")
	res, body := s.get("/whoami")
	s.check(res, body, 200)
	var got struct {
		User     string         `json:"user"`
		DB       string         `json:"db"`
		Views    map[string]int `json:"views"`
		KeptHits int            `json:"kept_hits"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.User != "barbara" || !strings.HasPrefix(got.DB, "0x") || got.Views["1"] != 1 || got.KeptHits != 2 {
		t.Errorf("got %s", body)
	}
}
