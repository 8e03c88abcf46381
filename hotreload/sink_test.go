package hotreload

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
	"github.com/go-chi/chi/v5"
)

// serving returns a LiveState with the routes that fn registers.
func serving(t *testing.T, fn func(*RouteSink)) *LiveState {
	t.Helper()
	s := NewLiveState(nil)
	if err := s.Register(fn); err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends a request, "GET /path", and returns the status and the body.
func ask(h http.Handler, request string) string {
	method, target, _ := strings.Cut(request, " ")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, localRequest(method, target, nil))
	return strings.TrimSpace(fmt.Sprintf("%d %s", w.Code, w.Body))
}

// text is a handler that answers with a text and the parameters of the route.
func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if id := r.PathValue("id"); id != "" {
			s := s + " " + id
			io.WriteString(w, s)
			return
		}
		io.WriteString(w, s)
	}
}

// tag is middleware that puts a word before the answer.
func tag(word string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, word+" ")
			next.ServeHTTP(w, r)
		})
	}
}

func TestRoutes(t *testing.T) {
	mounted := chi.NewRouter()
	mounted.Get("/users/{id}", text("admin of"))
	// Which methods there are is chi's to say; the oldest that we allow lacks one.
	knowsQuery := rules.Check([]rules.Route{{Slot: manifest.Slot{Method: "QUERY", Pattern: "/"}}}) == nil
	s := serving(t, func(r *RouteSink) {
		r.Get("/", text("get"))
		r.Head("/", text(""))
		r.Post("/", text("post"))
		r.Put("/", text("put"))
		r.Patch("/", text("patch"))
		r.Delete("/", text("delete"))
		r.Options("/", text("options"))
		r.Connect("/", text("connect"))
		r.Trace("/", text("trace"))
		if knowsQuery {
			r.Route("query", "/", text("query"))
		}
		r.Get("/any", text("only get")) // before Handle, and wins all the same
		r.Handle("/any", text("any"))
		r.Handle("PUT /put", text("put by pattern"))
		r.Get("/files/*", text("files"))
		r.Group("/posts", func(r *RouteSink) {
			r.Get("/", text("posts"))
			r.Post("", text("new post"))
			r.Get("/{id:[0-9]+}", text("post"))
			r.Group("/{id}/comments/", func(r *RouteSink) { r.Get("/new", text("comment on")) })
		})
		r.Group("", func(r *RouteSink) { r.Get("/inline", text("inline")) })
		r.Mount("/admin", mounted)
		r.Get("/admin", text("admin's front door"))
		r.Group("/plain", func(r *RouteSink) {
			r.Mount("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "saw "+r.URL.Path) }))
		})
	})
	for request, want := range map[string]string{
		"GET /":                     "200 get",
		"HEAD /":                    "200",
		"POST /":                    "200 post",
		"PUT /":                     "200 put",
		"PATCH /":                   "200 patch",
		"DELETE /":                  "200 delete",
		"OPTIONS /":                 "200 options",
		"CONNECT /":                 "200 connect",
		"TRACE /":                   "200 trace",
		"QUERY /":                   map[bool]string{true: "200 query", false: "405"}[knowsQuery],
		"GET /any":                  "200 only get",
		"POST /any":                 "200 any",
		"PUT /put":                  "200 put by pattern",
		"GET /put":                  "405",
		"GET /files/a/b":            "200 files",
		"GET /posts":                "200 posts",
		"GET /posts/":               "200 posts",
		"POST /posts":               "200 new post",
		"POST /posts/":              "405",
		"GET /posts/7":              "200 post 7",
		"GET /posts/x":              "404 404 page not found",
		"GET /posts/7/comments/new": "200 comment on 7",
		"GET /inline":               "200 inline",
		"GET /admin":                "200 admin's front door",
		"GET /admin/users/3":        "200 admin of 3",
		"GET /admin/nothing":        "404 404 page not found",
		"GET /plain/x/y":            "200 saw /plain/x/y",
	} {
		if got := ask(s, request); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
}

func TestMiddleware(t *testing.T) {
	s := serving(t, func(r *RouteSink) {
		r.Get("/early", text("early")) // before Use: gets it all the same
		r.Use(tag("a"), tag("b"))
		r.With(tag("w"), tag("x")).With(tag("y")).Get("/with", text("with"))
		r.Group("/group", func(r *RouteSink) {
			r.Get("/", text("group"))
			r.Use(tag("g"))
			r.Group("", func(r *RouteSink) {
				r.Use(tag("h"))
				r.Mount("/m", text("mounted"))
				r.NotFound(func(c *Ctx) error { return c.Text(http.StatusNotFound, "nowhere") })
			})
		})
		r.Get("/late", text("late"))
		r.MethodNotAllowed(text("not this way"))
	})
	for request, want := range map[string]string{
		"GET /early":     "200 a b early",
		"GET /with":      "200 a b w x y with",
		"GET /group":     "200 a b g group",
		"GET /group/m/1": "200 a b g h mounted",
		"GET /late":      "200 a b late",
		"POST /late":     "200 a b not this way",
	} {
		if got := ask(s, request); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
	if got := ask(s, "GET /missing"); !strings.HasSuffix(got, "a b g h nowhere") {
		t.Errorf("not found: got %q", got)
	}
}

func TestMiddlewareOfTheSinkRunsBeforeRouting(t *testing.T) {
	s := serving(t, func(r *RouteSink) {
		r.Get("/b", text("b"))
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.URL.Path = "/b"
				next.ServeHTTP(w, r)
			})
		})
	})
	if got := ask(s, "GET /a"); got != "200 b" {
		t.Errorf("got %q, want the rewritten path to be routed", got)
	}
}

func TestMountedRouterUsesNotFoundOfItsGeneration(t *testing.T) {
	host := chi.NewRouter() // belongs to the host half: mounted by each generation
	host.Get("/x", text("x"))
	s := NewLiveState(nil)
	for _, name := range []string{"first", "second"} {
		goLiveWith(t, s, func(r *RouteSink) {
			r.Mount("/host", host)
			r.NotFound(text("not found by " + name))
			r.MethodNotAllowed(text("not allowed by " + name))
		})
		if got, want := ask(s, "GET /host/y"), "200 not found by "+name; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := ask(s, "POST /host/x"), "200 not allowed by "+name; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	goLiveWith(t, s, func(r *RouteSink) { r.Mount("/host", host) })
	if got := ask(s, "GET /host/y"); got != "404 404 page not found" {
		t.Errorf("without NotFound: got %q", got)
	}
	if got := ask(s, "POST /host/x"); got != "405" {
		t.Errorf("without MethodNotAllowed: got %q", got)
	}
}

func TestMethodNotAllowedNamesTheOthers(t *testing.T) {
	s := serving(t, func(r *RouteSink) {
		r.Get("/a", text(""))
		r.Put("/a", text(""))
	})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, localRequest("POST", "/a", nil))
	allow := w.Header().Values("Allow")
	slices.Sort(allow)
	if w.Code != http.StatusMethodNotAllowed || !slices.Equal(allow, []string{"GET", "PUT"}) {
		t.Errorf("got %d, Allow %v", w.Code, allow)
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	var nilHandler http.HandlerFunc
	s := NewLiveState(nil)
	err := s.Register(func(r *RouteSink) {
		r.Get("/a", text("a"))
		r.Get("no-slash", text(""))
		r.Get("/{id}/{id}", text(""))
		r.Get("/{id:[}", text(""))
		r.Get("/*/x", text(""))
		r.Get("/{open", text(""))
		r.Route("BREW", "/tea", text(""))
		r.Get("/a", text("again"))
		r.Get("/u/{id}", text(""))
		r.Get("/u/{name}", text("other name, same route"))
		r.Group("/a", func(r *RouteSink) { r.Get("/", text("and again")) })
		r.Mount("/m", text(""))
		r.Mount("/m/", text(""))
		r.Get("/bad", 42)
		r.Get("/nil", nil)
		r.Get("/nilfunc", nilHandler)
		r.Mount("/nilmount", nil)
		r.Use(nil)
		r.Group("p", func(*RouteSink) {})
		r.Group("/p/*", nil)
		r.NotFound(text(""))
		r.NotFound(text(""))
		r.MethodNotAllowed(1)
		r.OnError(nil)
		r.Fail(nil)
		r.Fail(errors.New("no configuration"))
	})
	failure, ok := errors.AsType[*RegistrationError](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	const kinds = "; " + rules.AcceptedKinds
	want := []string{
		"GET no-slash: routing pattern must begin with '/' in 'no-slash' [ANV004]",
		"GET /{id}/{id}: routing pattern '/{id}/{id}' contains duplicate param key, 'id' [ANV004]",
		"GET /{id:[}: invalid regexp pattern '^[$' in route param [ANV004]",
		"GET /*/x: wildcard '*' must be the last value in a route. trim trailing text or use a '{param}' instead [ANV004]",
		"GET /{open: route param closing delimiter '}' is missing [ANV004]",
		"BREW /tea: 'BREW' http method is not supported [ANV004]",
		"GET /a is registered twice [ANV004]",
		"GET /u/{name} is registered twice (names of parameters do not tell routes apart) [ANV004]",
		"GET /a is registered twice [ANV004]",
		"Mount /m/ is registered twice [ANV004]",
		"GET /bad: int is not a handler" + kinds + " [ANV014]",
		"GET /nil: the handler is nil" + kinds + " [ANV014]",
		"GET /nilfunc: the handler is nil" + kinds + " [ANV014]",
		"Mount /nilmount: the handler is nil" + kinds + " [ANV014]",
		"Use: middleware 1 of 1 is nil [ANV010]",
		"Group p: a prefix begins with a slash [ANV004]",
		"Group /p/*: a prefix has no wildcard [ANV004]",
		"NotFound is set twice; a generation has one [ANV004]",
		"MethodNotAllowed: int is not a handler" + kinds + " [ANV014]",
		"OnError: the hook is nil [ANV010]",
		"registration failed: no configuration [ANV010]",
	}
	var got []string
	for _, d := range failure.Diagnostics {
		_, message, _ := strings.Cut(d.String(), "sink_test.go:")
		_, message, _ = strings.Cut(message, ": ")
		got = append(got, message)
		if twice := strings.Contains(d.Message, "twice"); twice != (len(d.Related) == 1) || twice && d.Related[0].Line >= d.Line {
			t.Errorf("%s is related to %v", d, d.Related)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !slices.IsSortedFunc(failure.Diagnostics, func(a, b manifest.Diagnostic) int { return a.Line - b.Line }) {
		t.Error("the diagnostics are not sorted")
	}
	if s.Manifest() != nil {
		t.Error("something went live")
	}
}

func TestPanicInMiddlewareConstructorGoesOn(t *testing.T) {
	defer func() {
		if v := recover(); v != "no key" {
			t.Errorf("recovered %v", v)
		}
	}()
	_ = NewLiveState(nil).Register(func(r *RouteSink) {
		r.With(func(http.Handler) http.Handler { panic("no key") }).Get("/", text(""))
	})
}

func TestEntries(t *testing.T) {
	var entries []RouteEntry
	s := serving(t, func(r *RouteSink) {
		r.Use(tag("a"))
		r.Group("/g", func(r *RouteSink) {
			r.Use(tag("b"))
			r.Get("/", text("group"))
		})
		r.Post("/p", func(*Ctx) error { return nil })
		entries = r.Entries()
	})
	if len(entries) != 2 {
		t.Fatalf("got %d entries", len(entries))
	}
	if e := entries[0]; e.Method != "GET" || e.Pattern != "/g" || !strings.HasSuffix(e.File, "sink_test.go") || e.Line == 0 || len(e.Middleware) != 2 {
		t.Errorf("got %+v", e)
	}
	if e := entries[1]; e.Method != "POST" || e.Handler.Kind() != manifest.KindCtx || e.Line != entries[0].Line+2 {
		t.Errorf("got %+v", e)
	}
	// Entries can be installed elsewhere.
	other := NewLiveState(nil)
	if err := other.Install(entries[:1]); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"GET /g", "GET /g/"} {
		if got := ask(other, target); got != "200 a b group" || got != ask(s, target) {
			t.Errorf("%s: got %q", target, got)
		}
	}
}

func TestSinkKnowsItsGeneration(t *testing.T) {
	c := NewContainer()
	Provide(c, "thing")
	s := NewLiveState(c)
	for want := 1; want <= 2; want++ {
		goLiveWith(t, s, func(r *RouteSink) {
			r.Group("/g", func(r *RouteSink) {
				if r.Generation() != want || MustLookup[string](r.Container()) != "thing" || r.Context().Err() != nil {
					t.Errorf("generation %d, context %v", r.Generation(), r.Context().Err())
				}
			})
		})
	}
}

func TestCallAfterRegistrationHasNoEffect(t *testing.T) {
	var kept *RouteSink
	var log strings.Builder
	s := NewLiveState(nil)
	s.logger = textLogger(&log)
	goLiveWith(t, s, func(r *RouteSink) { kept = r })
	kept.Get("/late", text("late"))
	if got := ask(s, "GET /late"); !strings.HasPrefix(got, "404") {
		t.Errorf("got %q", got)
	}
	if !strings.Contains(log.String(), "GET /late after registration has no effect") || !strings.Contains(log.String(), "sink_test.go:") {
		t.Errorf("log: %s", &log)
	}
}
