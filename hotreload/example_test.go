package hotreload_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

func ExampleLiveServer() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	c := hotreload.NewContainer()
	hotreload.Provide(c, slog.Default())
	c.OnClose("database", func(context.Context) error {
		fmt.Println("closing the database")
		return nil
	})

	err := hotreload.LiveServer(ctx, hotreload.Options{
		Addr:      "127.0.0.1:0",
		Container: c,
		Register: func(r *hotreload.RouteSink) { // an application passes handlers.AnvilRegisterRoutes
			log := hotreload.MustLookup[*slog.Logger](r.Container())
			r.Get("/", func(c *hotreload.Ctx) error {
				log.Info("a visitor", "generation", c.Generation())
				return c.Text(http.StatusOK, "hello")
			})
		},
		Live: func(context.Context) {
			fmt.Println("requests are accepted")
			stop() // an application waits for the signal
		},
	})
	fmt.Println("error:", err)
	// Output:
	// requests are accepted
	// closing the database
	// error: <nil>
}

// In a test a LiveState stands for the server.
func ExampleLiveState() {
	type store struct{ titles map[string]string } // of a host package
	c := hotreload.NewContainer()
	hotreload.Provide(c, &store{map[string]string{"7": "Tea"}}) // what main provides, or a fake of it

	state := hotreload.NewLiveState(c)
	err := state.Register(func(r *hotreload.RouteSink) { // a test passes handlers.AnvilRegisterRoutes
		posts := hotreload.MustLookup[*store](r.Container())
		r.Get("/posts/{id}", func(c *hotreload.Ctx) error {
			title, ok := posts.titles[c.Param("id")]
			if !ok {
				return hotreload.StatusErrorf(http.StatusNotFound, "no post %s", c.Param("id"))
			}
			return c.Text(http.StatusOK, title)
		})
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	srv := httptest.NewServer(state)
	defer srv.Close()
	for _, path := range []string{"/posts/7", "/posts/8"} {
		resp, err := srv.Client().Get(srv.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(resp.Status, string(body))
	}
	// Output:
	// 200 OK Tea
	// 404 Not Found {"title":"Not Found","status":404,"detail":"no post 8"}
}

func ExampleStateOf() {
	state := hotreload.NewLiveState(nil)
	register := func(r *hotreload.RouteSink) {
		sinceReload := 0
		visits := hotreload.StateOf(r.Container(), "visits", func() int { return 0 })
		r.Get("/", func(c *hotreload.Ctx) error {
			sinceReload++
			visits.Update(func(n *int) { *n++ })
			return c.Text(http.StatusOK, fmt.Sprintf("visit %d, %d since the reload", visits.Get(), sinceReload))
		})
	}
	for range 2 { // each turn is a generation
		if err := state.Register(register); err != nil {
			fmt.Println(err)
			return
		}
		for range 2 {
			w := httptest.NewRecorder()
			state.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			fmt.Println(w.Body)
		}
	}
	// Output:
	// visit 1, 1 since the reload
	// visit 2, 2 since the reload
	// visit 3, 1 since the reload
	// visit 4, 2 since the reload
}

func ExampleRouteSink_Group() {
	version := func(v string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("API-Version", v)
				next.ServeHTTP(w, r)
			})
		}
	}
	state := hotreload.NewLiveState(nil)
	err := state.Register(func(r *hotreload.RouteSink) {
		r.Get("/", func(c *hotreload.Ctx) error { return c.Text(http.StatusOK, "home") })
		r.Group("/api", func(r *hotreload.RouteSink) {
			r.Use(version("2")) // for the routes of this group
			r.Group("/posts", func(r *hotreload.RouteSink) {
				r.Get("/", func(c *hotreload.Ctx) error { return c.Text(http.StatusOK, "all posts") })
				r.Get("/{id}", func(c *hotreload.Ctx) error { return c.Text(http.StatusOK, "post "+c.Param("id")) })
			})
		})
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range []string{"/", "/api/posts", "/api/posts/7"} {
		w := httptest.NewRecorder()
		state.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Printf("%s: %s %q\n", path, w.Body, w.Header().Get("API-Version"))
	}
	// Output:
	// /: home ""
	// /api/posts: all posts "2"
	// /api/posts/7: post 7 "2"
}

func ExampleRegistryGeneration() {
	// The registry belongs to a host package or to the Container.
	commands := hotreload.NewRegistry[string, func(string) string]("commands")

	state := hotreload.NewLiveState(nil)
	err := state.Register(func(r *hotreload.RouteSink) {
		commands.Add(r, "upper", strings.ToUpper)
		commands.Add(r, "trim", strings.TrimSpace)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	upper, _ := commands.Get("upper")
	fmt.Println(commands.Keys(), upper("gopher"))

	// The entries of the next generation replace them.
	err = state.Register(func(r *hotreload.RouteSink) { commands.Add(r, "lower", strings.ToLower) })
	fmt.Println(commands.Keys(), err)
	// Output:
	// [trim upper] GOPHER
	// [lower] <nil>
}

// Mistakes do not panic: all of them are reported together, and the routes stay as
// they are.
func ExampleRegistrationError() {
	state := hotreload.NewLiveState(nil)
	err := state.Register(func(r *hotreload.RouteSink) {
		r.Get("/posts/{id}", http.NotFound)
		r.Get("/posts/{name}", http.NotFound)
		r.Get("/posts/{", http.NotFound)
		r.Get("/number", 7)
	})
	if failed, ok := errors.AsType[*hotreload.RegistrationError](err); ok {
		for _, d := range failed.Diagnostics {
			message, _, _ := strings.Cut(d.Message, ";")
			fmt.Println(d.Code, message)
		}
	}
	// Output:
	// ANV004 GET /posts/{name} is registered twice (names of parameters do not tell routes apart)
	// ANV004 GET /posts/{: route param closing delimiter '}' is missing
	// ANV014 GET /number: int is not a handler
}

func ExampleProvideNamed() {
	c := hotreload.NewContainer()
	hotreload.ProvideNamed(c, "primary", "db1.example.com")
	hotreload.ProvideNamed(c, "replica", "db2.example.com")

	fmt.Println(hotreload.MustLookupNamed[string](c, "replica"))
	_, err := hotreload.LookupNamed[string](c, "archive")
	fmt.Println(err)
	// Output:
	// db2.example.com
	// hotreload: nobody provided string "archive"; the Container holds string "primary", string "replica"
}

// A framework with a router of its own mounts single handlers of any kind.
func ExampleHandlerToMethodRouter() {
	box, err := hotreload.Box(func(c *hotreload.Ctx) error { return c.Text(http.StatusOK, "pong") })
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/ping", hotreload.HandlerToMethodRouter(http.MethodGet, box))
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(method, "/ping", nil))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 pong
	// 405
}

// Patterns are chi's.
func Example_patterns() {
	state := hotreload.NewLiveState(nil)
	err := state.Register(func(r *hotreload.RouteSink) {
		for _, pattern := range []string{"/posts/{id}", "/posts/{id:[0-9]+}", "/{year}-{month}", "/files/*"} {
			r.Get(pattern, func(c *hotreload.Ctx) error { return c.Text(http.StatusOK, pattern) })
		}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range []string{"/posts/7", "/posts/new", "/posts", "/posts/7/edit", "/2026-12", "/files/", "/files/a/b.txt"} {
		w := httptest.NewRecorder()
		state.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Printf("%s: %d %s\n", path, w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// /posts/7: 200 /posts/{id:[0-9]+}
	// /posts/new: 200 /posts/{id}
	// /posts: 404 404 page not found
	// /posts/7/edit: 404 404 page not found
	// /2026-12: 200 /{year}-{month}
	// /files/: 200 /files/*
	// /files/a/b.txt: 200 /files/*
}
