package gotypes_test

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

// Handlers and their types. This file is looked at twice: its handlers are
// registered with a live server, and it is type-checked as text.
type (
	listIn struct {
		Page  int `query:"page"`
		after *listIn
	}
	listOut[T any] struct {
		Items []T
		Next  *listOut[T]
	}
	item struct {
		Tags map[string][4]byte
		Done chan<- struct{}
	}
	listFunc  func(*hotreload.Ctx, listIn) (listOut[item], error)
	listInput = listIn
)

func eachHandler(live func(handler any)) {
	live(func(http.ResponseWriter, *http.Request) {})
	live(func(w http.ResponseWriter, r *http.Request) (err error) { return nil })
	live(func(c *hotreload.Ctx) error { return nil })
	live(func(*hotreload.Ctx, listIn) (listOut[item], error) { return listOut[item]{}, nil })
	live(listFunc(typed[listOut[item]]))
	live(typed[*listOut[*listInput]])
	live(typed[map[string]any])
	live(typed[atomic.Pointer[item]])
	live(typed[func(context.Context, ...item) (int, error)])
	live(typed[interface {
		M(a, b int) <-chan (<-chan error)
	}])
	live(typed[struct {
		item
		ID  string `json:"id"`
		any `json:"-"`
	}])
	live(typed[listOut[struct {
		*item
		a [2]http.Handler `x:"a/b.c"`
	}]])
}

// typed is a handler with a result of any type.
func typed[Out any](*hotreload.Ctx, listIn) (out Out, err error) { return out, nil }
