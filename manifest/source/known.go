package source

import (
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// known holds the types that the rules for handlers refer to.
type known struct {
	ctx         types.Type       // *hotreload.Ctx
	sink        types.Type       // *hotreload.RouteSink
	box         types.Type       // hotreload.HandlerBox
	handler     types.Type       // http.Handler
	handlerBase *types.Interface // its underlying type
	handlerFunc types.Type       // http.HandlerFunc
	plain       *types.Signature // func(http.ResponseWriter, *http.Request)
	plainError  *types.Signature
	ctxError    *types.Signature // func(*hotreload.Ctx) error
	text        *types.Interface // encoding.TextUnmarshaler
	query       bool             // the application's chi routes the method QUERY
}

var (
	errorType = types.Universe.Lookup("error").Type()
	errorBase = errorType.Underlying().(*types.Interface)
)

// findKnown returns nil if the runtime or net/http cannot be imported: then the
// program has no handlers at all.
func findKnown(load func(path string) (*types.Package, error)) *known {
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
	k := &known{
		ctx:         types.NewPointer(named(runtime, "Ctx")),
		sink:        types.NewPointer(named(runtime, "RouteSink")),
		box:         named(runtime, "HandlerBox"),
		handler:     named(web, "Handler"),
		handlerFunc: named(web, "HandlerFunc"),
	}
	base, ok := k.handler.Underlying().(*types.Interface)
	if !ok {
		return nil
	}
	k.handlerBase = base
	writer, request := named(web, "ResponseWriter"), types.NewPointer(named(web, "Request"))
	k.plain = signature([]types.Type{writer, request})
	k.plainError = signature([]types.Type{writer, request}, errorType)
	k.ctxError = signature([]types.Type{k.ctx}, errorType)
	k.text = textUnmarshaler()
	router, err := load("github.com/go-chi/chi/v5")
	k.query = err != nil || routesQuery(router)
	return k
}

// routesQuery reports whether a version of chi has the method QUERY: this
// program's own may be newer than the application's.
func routesQuery(chi *types.Package) bool {
	mux, ok := chi.Scope().Lookup("Mux").(*types.TypeName)
	if !ok {
		return true
	}
	method, _, _ := types.LookupFieldOrMethod(types.NewPointer(mux.Type()), false, chi, "Query")
	return method != nil
}

func signature(params []types.Type, results ...types.Type) *types.Signature {
	tuple := func(ts []types.Type) *types.Tuple {
		var vars []*types.Var
		for _, t := range ts {
			vars = append(vars, types.NewParam(token.NoPos, nil, "", t))
		}
		return types.NewTuple(vars...)
	}
	return types.NewSignatureType(nil, nil, nil, tuple(params), tuple(results), false)
}

// textUnmarshaler is encoding.TextUnmarshaler, whether or not anything imports
// that package.
func textUnmarshaler() *types.Interface {
	bytes := types.NewSlice(types.Typ[types.Byte])
	method := types.NewFunc(token.NoPos, nil, "UnmarshalText", signature([]types.Type{bytes}, errorType))
	return types.NewInterfaceType([]*types.Func{method}, nil).Complete()
}

// isNamed reports whether a type is the one that a package declares under a
// name.
func isNamed(t types.Type, path, name string) bool {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return false
	}
	obj := named.Obj()
	return obj.Name() == name && obj.Pkg() != nil && obj.Pkg().Path() == path
}

// isSink reports whether t is *hotreload.RouteSink.
func isSink(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	return ok && isNamed(p.Elem(), manifest.RuntimePath, "RouteSink")
}
