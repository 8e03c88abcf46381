package hotreload

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/bind"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/reply"
)

type paging struct {
	Page int      `query:"page" json:"-"`
	Tags []string `query:"tag"`
}

type updateIn struct {
	paging
	ID      int64         `path:"id"`
	Since   time.Time     `query:"since"`
	Wait    time.Duration `query:"wait"`
	Exact   *bool         `query:"exact"`
	Ratio   float32       `query:"ratio"`
	Small   uint8         `query:"small"`
	Title   string        `json:"title"`
	Counts  []int         `json:"counts"`
	private string
}

func TestTypedHandler(t *testing.T) {
	s := serving(t, func(r *RouteSink) {
		r.Put("/posts/{id}", func(_ *Ctx, in updateIn) (updateIn, error) { return in, nil })
	})
	put := func(target, contentType, body string) (int, string) {
		r := localRequest("PUT", target, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	status, body := put("/posts/7?page=2&tag=a&tag=b&since=2026-01-02T03:04:05Z&wait=1m&exact=true&ratio=.5&small=255",
		"application/json; charset=utf-8", `{"title":"T","counts":[1,2],"ID":9,"Tags":["no"]}`)
	var got updateIn
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	if got.ID != 7 || strings.Join(got.Tags, "") != "ab" || got.Since.Year() != 2026 || got.Wait != time.Minute || !*got.Exact ||
		got.Ratio != .5 || got.Small != 255 || got.Title != "T" || len(got.Counts) != 2 {
		t.Errorf("got %+v", got)
	}
	if status, body := put("/posts/7?page=&small=", "", ""); status != http.StatusOK || !strings.Contains(body, `"Small":0`) {
		t.Errorf("empty parameters and body: %d %s", status, body)
	}

	for _, test := range []struct {
		target, contentType, body string
		status                    int
		detail                    string
	}{
		{"/posts/x", "", "", 400, `path parameter "id": "x" is not a whole number`},
		{"/posts/7?page=1.5", "", "", 400, `query parameter "page": "1.5" is not a whole number`},
		{"/posts/7?small=256", "", "", 400, `query parameter "small": "256" is out of range`},
		{"/posts/7?small=-1", "", "", 400, `query parameter "small": "-1" is not a whole number that is not negative`},
		{"/posts/7?exact=perhaps", "", "", 400, `query parameter "exact": "perhaps" is not true or false`},
		{"/posts/7?ratio=half", "", "", 400, `query parameter "ratio": "half" is not a number`},
		{"/posts/7?wait=long", "", "", 400, `query parameter "wait": "long" is not a duration such as 1m30s`},
		{"/posts/7?since=today", "", "", 400, `query parameter "since": "today" is not valid: parsing time`},
		{"/posts/7", "application/json", `{"title":`, 400, "the body is not JSON: it ends too early"},
		{"/posts/7", "application/json", `{"title"}`, 400, "the body is not JSON, at byte 9: invalid character '}' after object key"},
		{"/posts/7", "application/json", `{"title":5}`, 400, `field "title" of the body is a JSON number, want a string`},
		{"/posts/7", "application/json", `{"counts":{}}`, 400, `field "counts" of the body is a JSON object, want an array`},
		{"/posts/7", "application/json", `[]`, 400, "the body is a JSON array, want an object"},
		{"/posts/7", "application/json", `{} {}`, 400, "the body goes on after its JSON value"},
		{"/posts/7", "text/csv", `{}`, 415, "the body is text/csv, want application/json"},
		{"/posts/7", "application/json", `{"title":"` + strings.Repeat("x", bind.MaxBody) + `"}`, 413, "the body is larger than 4194304 bytes"},
	} {
		status, body := put(test.target, test.contentType, test.body)
		var p reply.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatalf("%s: %s: %v", test.target, body, err)
		}
		if status != test.status || p.Status != status || p.Title != http.StatusText(status) || !strings.HasPrefix(p.Detail, test.detail) {
			t.Errorf("%s %.40q: got %d %s\nwant %d %s", test.target, test.body, status, body, test.status, test.detail)
		}
	}
}

func TestTypedHandlerAnswers(t *testing.T) {
	type none = struct{}
	s := serving(t, func(r *RouteSink) {
		r.Get("/created", func(c *Ctx, _ none) (map[string]int, error) {
			c.Status(http.StatusCreated)
			return map[string]int{"id": 1}, nil
		})
		r.Get("/own", func(c *Ctx, _ none) (string, error) { return "ignored", c.NoContent() })
		r.Get("/missing", func(c *Ctx, _ none) (string, error) {
			return "", StatusErrorf(http.StatusNotFound, "no post %d", 7)
		})
		r.Get("/channel", func(c *Ctx, _ none) (chan int, error) { return nil, nil })
		r.Get("/forgotten", func(*Ctx, struct {
			ID int `path:"id"`
		}) (int, error) {
			return 0, nil
		})
	})
	s.logger = textLogger(t.Output())
	for request, want := range map[string]string{
		"GET /created":   `201 {"id":1}`,
		"GET /own":       "204",
		"GET /missing":   `404 {"title":"Not Found","status":404,"detail":"no post 7"}`,
		"GET /channel":   `500 {"title":"Internal Server Error","status":500}`,
		"GET /forgotten": `500 {"title":"Internal Server Error","status":500}`,
	} {
		if got := ask(s, request); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
}

func TestBind(t *testing.T) {
	s := serving(t, func(r *RouteSink) {
		r.Post("/{id}", func(c *Ctx) error {
			var in struct {
				ID   int `path:"id"`
				Name string
			}
			if err := c.Bind(&in); err != nil {
				if e, ok := errors.AsType[*StatusError](err); !ok || e.Status != http.StatusBadRequest {
					t.Errorf("got %v", err)
				}
				return err
			}
			if err := c.Bind(in); err == nil {
				t.Error("Bind takes a value")
			}
			if err := c.Bind(new(int)); err == nil {
				t.Error("Bind takes a pointer to an int")
			}
			return c.JSON(http.StatusAccepted, in)
		})
	})
	post := func(target string) string {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, localRequest("POST", target, strings.NewReader(`{"name":"Ann"}`)))
		return strings.TrimSpace(w.Body.String())
	}
	if got := post("/7"); got != `{"ID":7,"Name":"Ann"}` {
		t.Errorf("got %s", got)
	}
	if got := post("/x"); !strings.Contains(got, `"status":400`) {
		t.Errorf("got %s", got)
	}
}
