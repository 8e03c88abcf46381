package hotreload

import (
	"net/http"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// HandlerFunc is the uniform shape that every handler is boxed into.
type HandlerFunc func(*Ctx) error

// HandlerBox is a handler of any accepted kind. The zero HandlerBox holds none.
type HandlerBox struct {
	std  http.Handler // for the kinds of net/http, which need no Ctx
	fn   HandlerFunc  // for all others
	name string
	kind string
	typ  reflect.Type
}

// Box returns a handler of any accepted kind in its uniform shape:
//
//   - http.Handler and http.HandlerFunc
//   - func(http.ResponseWriter, *http.Request)
//   - func(http.ResponseWriter, *http.Request) error
//   - func(*Ctx) error
//   - func(*Ctx, In) (Out, error)
//
// In the last one In is a struct that is filled from the request: fields with
// a tag path:"name" from the pattern's parameters, those with query:"name" from
// the query, and all others from a JSON body as encoding/json does it. A request
// that cannot be decoded is answered with 400 and application/problem+json, and
// the handler does not run. Out is written as JSON with status 200 (see
// [Ctx.Status]), unless the handler answered through its Ctx already.
//
// An error that a handler returns is answered by [RouteSink.OnError].
//
// The error of Box names the type and the accepted kinds.
func Box(handler any) (HandlerBox, error) {
	v := reflect.ValueOf(handler)
	if !v.IsValid() || (v.Kind() == reflect.Func || v.Kind() == reflect.Pointer) && v.IsNil() {
		return HandlerBox{}, rules.ErrNilHandler
	}
	switch h := handler.(type) {
	case HandlerBox:
		return h, nil
	case http.HandlerFunc:
		return stdBox(manifest.KindHandlerFunc, v, h), nil
	case http.Handler:
		return stdBox(manifest.KindHandler, v, h), nil
	}
	if h, ok := as[func(http.ResponseWriter, *http.Request)](v); ok {
		b := stdBox(manifest.KindPlain, v, http.HandlerFunc(h))
		b.typ = reflect.TypeOf(h)
		return b, nil
	}
	if h, ok := as[func(http.ResponseWriter, *http.Request) error](v); ok {
		fn := func(c *Ctx) error { return h(c.Writer, c.Request) }
		return HandlerBox{fn: fn, name: functionName(v), kind: manifest.KindPlainError, typ: reflect.TypeOf(h)}, nil
	}
	if h, ok := as[func(*Ctx) error](v); ok {
		return HandlerBox{fn: h, name: functionName(v), kind: manifest.KindCtx, typ: reflect.TypeOf(h)}, nil
	}
	return boxTyped(v)
}

// as returns the value as T if that is its underlying type.
func as[T any](v reflect.Value) (T, bool) {
	var none T
	if v.Kind() != reflect.Func || !v.CanConvert(reflect.TypeFor[T]()) {
		return none, false
	}
	h, ok := v.Convert(reflect.TypeFor[T]()).Interface().(T)
	return h, ok
}

// stdBox boxes a handler that net/http knows. All http.Handlers count as one
// type: which one it is, is nobody's business but its own generation's.
func stdBox(kind string, v reflect.Value, h http.Handler) HandlerBox {
	name := symbol.NameOf(v.Type())
	if v.Kind() == reflect.Func {
		name = functionName(v)
	}
	return HandlerBox{std: h, name: name, kind: kind, typ: reflect.TypeFor[http.Handler]()}
}

// Name returns the name of the handler as a person writes it: that of the
// function (handlers.ShowPost) or, for any other http.Handler, of its type.
func (b HandlerBox) Name() string { return b.name }

// Kind returns which of the accepted kinds the handler is: a Kind constant of package
// manifest.
func (b HandlerBox) Kind() string { return b.kind }

// Type returns the type that the manifest's signature and fingerprint are made
// from. For a function it is the plain function type, for any other kind
// http.Handler.
func (b HandlerBox) Type() reflect.Type { return b.typ }

// Func returns the handler in its uniform shape; nil for the zero HandlerBox.
func (b HandlerBox) Func() HandlerFunc {
	if b.std == nil {
		return b.fn
	}
	return func(c *Ctx) error {
		b.std.ServeHTTP(c.Writer, c.Request)
		return nil
	}
}

// handler returns the box as net/http wants it.
func (b HandlerBox) handler(s *scope) http.Handler {
	if b.std != nil {
		return b.std
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := b.fn(&Ctx{Writer: w, Request: r, scope: s}); err != nil {
			s.fail(w, r, err)
		}
	})
}
