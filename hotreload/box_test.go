package hotreload

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/go-chi/chi/v5"
)

type plainFunc func(http.ResponseWriter, *http.Request)

type widget struct{ name string }

func (h *widget) ServeHTTP(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, h.name) }
func (h *widget) show(c *Ctx) error                                { return c.Text(0, h.name) }

func plainHandler(w http.ResponseWriter, _ *http.Request)            { io.WriteString(w, "ok") }
func plainErrorHandler(w http.ResponseWriter, r *http.Request) error { plainHandler(w, r); return nil }
func ctxHandler(c *Ctx) error                                        { return c.Text(0, "ok") }
func typedHandler(*Ctx, struct{}) (string, error)                    { return "ok", nil }
func genericHandler[T any](c *Ctx) error                             { return c.Text(0, "ok") }

func TestBoxKinds(t *testing.T) {
	h := &widget{"ok"}
	for _, test := range []struct {
		handler         any
		kind, name, typ string
	}{
		{h, manifest.KindHandler, "*hotreload.widget", "http.Handler"},
		{http.HandlerFunc(plainHandler), manifest.KindHandlerFunc, "hotreload.plainHandler", "http.Handler"},
		{plainHandler, manifest.KindPlain, "hotreload.plainHandler", "func(http.ResponseWriter, *http.Request)"},
		{plainFunc(plainHandler), manifest.KindPlain, "hotreload.plainHandler", "func(http.ResponseWriter, *http.Request)"},
		{h.ServeHTTP, manifest.KindPlain, "hotreload.(*widget).ServeHTTP", "func(http.ResponseWriter, *http.Request)"},
		{plainErrorHandler, manifest.KindPlainError, "hotreload.plainErrorHandler", "func(http.ResponseWriter, *http.Request) error"},
		{ctxHandler, manifest.KindCtx, "hotreload.ctxHandler", "func(*hotreload.Ctx) error"},
		{HandlerFunc(ctxHandler), manifest.KindCtx, "hotreload.ctxHandler", "func(*hotreload.Ctx) error"},
		{h.show, manifest.KindCtx, "hotreload.(*widget).show", "func(*hotreload.Ctx) error"},
		{genericHandler[int], manifest.KindCtx, "hotreload.genericHandler", "func(*hotreload.Ctx) error"},
		{typedHandler, manifest.KindTyped, "hotreload.typedHandler", "func(*hotreload.Ctx, struct {}) (string, error)"},
	} {
		box, err := Box(test.handler)
		if err != nil {
			t.Errorf("%T: %v", test.handler, err)
			continue
		}
		if box.Kind() != test.kind || box.Name() != test.name || box.Type().String() != test.typ {
			t.Errorf("%T: got %s, %s, %s", test.handler, box.Kind(), box.Name(), box.Type())
		}
		for via, handler := range map[string]http.Handler{
			"handler": box.handler(nil),
			"Func": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := box.Func()(&Ctx{Writer: w, Request: r}); err != nil {
					t.Errorf("%T: %v", test.handler, err)
				}
			}),
		} {
			if got := ask(handler, "GET /"); got != "200 ok" && got != `200 "ok"` {
				t.Errorf("%T by %s answers %q", test.handler, via, got)
			}
		}
		if again, err := Box(box); err != nil || again.Kind() != box.Kind() {
			t.Errorf("boxing a box: %v", err)
		}
	}
}

func TestBoxRefusesOtherKinds(t *testing.T) {
	for _, handler := range []any{
		"text", func() {}, func(*Ctx) {}, func(http.ResponseWriter) error { return nil },
		func(*Ctx, int, int) (int, error) { return 0, nil },
		func(*Ctx, ...string) (int, error) { return 0, nil },
		func(*Ctx, struct{}) error { return nil },
		func(*Ctx, struct{}) (int, string) { return 0, "" },
	} {
		_, err := Box(handler)
		if want := reflect.TypeOf(handler).String() + " is not a handler; a handler is an http.Handler, "; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%T: got %v", handler, err)
		}
	}
	for handler, want := range map[any]string{
		new(func(*Ctx, int) (int, error)): "its input int is not a struct",
		new(func(*Ctx, struct {
			A int `path:"a" query:"a"`
		}) (int, error)): "field A of its input",
		new(func(*Ctx, struct {
			a int `path:"a"`
		}) (int, error)): "is not exported",
		new(func(*Ctx, struct {
			A chan int `query:"a"`
		}) (int, error)): "a chan int cannot be read from text",
		new(func(*Ctx, struct {
			A []string `path:"a"`
		}) (int, error)): "cannot be read from text",
		new(func(*Ctx, struct {
			A int `query:""`
		}) (int, error)): "has an empty query tag",
	} {
		fn := reflect.MakeFunc(reflect.TypeOf(handler).Elem(), nil)
		if _, err := Box(fn.Interface()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", fn.Type(), err)
		}
	}
}

func TestHandlerToMethodRouter(t *testing.T) {
	box, err := Box(func(c *Ctx) error {
		if c.Container() != nil || c.Generation() != 0 {
			t.Error("a generation appears from nowhere")
		}
		if c.Param("id") == "0" {
			return errors.New("secret")
		}
		return c.Text(0, "show "+c.Param("id"))
	})
	if err != nil {
		t.Fatal(err)
	}
	get := HandlerToMethodRouter("get", box)
	root := chi.NewRouter()
	root.Handle("/direct/{id}", get)
	root.Mount("/mounted/{id}", get)
	for request, want := range map[string]string{
		"GET /direct/7":   "200 show 7",
		"GET /mounted/7":  "200 show 7",
		"POST /direct/7":  "405",
		"POST /mounted/7": "405",
		"GET /direct/0":   `500 {"title":"Internal Server Error","status":500}`,
	} {
		if got := ask(root, request); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
	w := httptest.NewRecorder()
	root.ServeHTTP(w, localRequest("PUT", "/direct/7", nil))
	if allow := w.Header().Get("Allow"); allow != "GET" {
		t.Errorf("Allow: %q", allow)
	}
	if got := ask(HandlerToMethodRouter("*", box), "PUT /"); got != "200 show" {
		t.Errorf("every method: got %q", got)
	}
}
