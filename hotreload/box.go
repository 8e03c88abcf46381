package hotreload

import (
	"fmt"
	"net/http"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/bind"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/reply"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
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
// type: only their own generation knows which one it is.
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

// boxTyped boxes func(*Ctx, In) (Out, error).
func boxTyped(v reflect.Value) (HandlerBox, error) {
	t := v.Type()
	if t.Kind() != reflect.Func || t.IsVariadic() || t.NumIn() != 2 || t.NumOut() != 2 ||
		t.In(0) != reflect.TypeFor[*Ctx]() || t.Out(1) != reflect.TypeFor[error]() {
		return HandlerBox{}, rules.NotHandler(symbol.NameOf(t))
	}
	in, out := t.In(1), t.Out(0)
	b, err := bind.New(in)
	if err != nil {
		return HandlerBox{}, fmt.Errorf("%s: %w", stack.FunctionName(v), err)
	}
	plain := reflect.FuncOf([]reflect.Type{t.In(0), in}, []reflect.Type{out, t.Out(1)}, false)
	return HandlerBox{fn: typedFunc(v, in, b), name: stack.FunctionName(v), kind: manifest.KindTyped, typ: plain}, nil
}

func typedFunc(fn reflect.Value, in reflect.Type, b *bind.Binding) HandlerFunc {
	return func(c *Ctx) error {
		arg := reflect.New(in).Elem()
		if refusal, err := c.fill(b, arg); err != nil {
			return err
		} else if refusal != nil {
			reply.WriteProblem(c.Writer, faultOf(refusal))
			return nil
		}
		results := fn.Call([]reflect.Value{reflect.ValueOf(c), arg})
		if err, ok := results[1].Interface().(error); ok {
			return err
		}
		if c.answered {
			return nil
		}
		return c.JSON(c.status, results[0].Interface())
	}
}
