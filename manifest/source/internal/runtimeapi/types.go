// Package runtimeapi knows what the declarations of package hotreload mean: which types are
// handlers and of which kind, which inputs can be bound, what is keyed state.
package runtimeapi

import (
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// Types holds the types that the rules for handlers refer to.
type Types struct {
	Runtime     *types.Package   // package hotreload
	ctx         types.Type       // *hotreload.Ctx
	Sink        types.Type       // *hotreload.RouteSink
	Box         types.Type       // hotreload.HandlerBox
	handler     types.Type       // http.Handler
	handlerBase *types.Interface // its underlying type
	handlerFunc types.Type       // http.HandlerFunc
	plain       *types.Signature // func(http.ResponseWriter, *http.Request)
	plainError  *types.Signature
	ctxError    *types.Signature // func(*hotreload.Ctx) error
	text        *types.Interface // encoding.TextUnmarshaler
	Query       bool             // the application's chi routes the method QUERY
}

// Find returns nil if the runtime or net/http cannot be imported: then the program has no handlers
// at all.
func Find(load func(path string) (*types.Package, error)) *Types {
	runtime, err := load(manifest.RuntimePath)
	if err != nil {
		return nil
	}
	web, err := load("net/http")
	if err != nil {
		return nil
	}
	named := func(pkg *types.Package, name string) types.Type {
		if obj, ok := pkg.Scope().Lookup(name).(*types.TypeName); ok {
			return obj.Type()
		}
		return types.Typ[types.Invalid]
	}
	k := &Types{
		Runtime:     runtime,
		ctx:         types.NewPointer(named(runtime, "Ctx")),
		Sink:        types.NewPointer(named(runtime, "RouteSink")),
		Box:         named(runtime, "HandlerBox"),
		handler:     named(web, "Handler"),
		handlerFunc: named(web, "HandlerFunc"),
	}
	base, ok := k.handler.Underlying().(*types.Interface)
	if !ok {
		return nil
	}
	k.handlerBase = base
	writer, request := named(web, "ResponseWriter"), types.NewPointer(named(web, "Request"))
	k.plain = gotypes.NewSignature([]types.Type{writer, request})
	k.plainError = gotypes.NewSignature([]types.Type{writer, request}, gotypes.ErrorType)
	k.ctxError = gotypes.NewSignature([]types.Type{k.ctx}, gotypes.ErrorType)
	k.text = textUnmarshaler()
	router, err := load("github.com/go-chi/chi/v5")
	k.Query = err != nil || routesQuery(router)
	return k
}

// routesQuery reports whether a version of chi has the method QUERY: this program's own may be
// newer than the application's.
func routesQuery(chi *types.Package) bool {
	mux, ok := chi.Scope().Lookup("Mux").(*types.TypeName)
	if !ok {
		return true
	}
	method, _, _ := types.LookupFieldOrMethod(types.NewPointer(mux.Type()), false, chi, "Query")
	return method != nil
}

// textUnmarshaler is encoding.TextUnmarshaler, whether or not anything imports that package.
func textUnmarshaler() *types.Interface {
	bytes := types.NewSlice(types.Typ[types.Byte])
	sig := gotypes.NewSignature([]types.Type{bytes}, gotypes.ErrorType)
	method := types.NewFunc(token.NoPos, nil, "UnmarshalText", sig)
	return types.NewInterfaceType([]*types.Func{method}, nil).Complete()
}

// IsSink reports whether t is *hotreload.RouteSink.
func IsSink(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	return ok && gotypes.IsNamed(p.Elem(), manifest.RuntimePath, "RouteSink")
}

// StateCall is a call of hotreload.StateOf whose key and type stand in the source.
type StateCall struct {
	Key  string
	Type types.Type
	Pos  token.Pos
}

// StateType returns T of *hotreload.State[T], nil if a type is none.
func StateType(t types.Type) types.Type {
	pointer, ok := types.Unalias(gotypes.OrInvalid(t)).(*types.Pointer)
	if !ok {
		return nil
	}
	if named, ok := types.Unalias(pointer.Elem()).(*types.Named); ok && named.TypeArgs().Len() == 1 {
		return named.TypeArgs().At(0)
	}
	return nil
}
