package hotreload

import (
	"net/http"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

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
		name = stack.FunctionName(v)
	}
	return HandlerBox{std: h, name: name, kind: kind, typ: reflect.TypeFor[http.Handler]()}
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
