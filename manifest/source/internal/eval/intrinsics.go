package eval

import (
	"go/constant"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

// callKnown calls a function of which the interpreter knows more than its source says. ok is false
// if fn is none.
func (ev *evaluator) callKnown(fn *function, args []value, site callSite) (r value, ok bool) {
	if ev.world.Unit(fn.obj.Pkg()) != nil {
		return nil, false
	}
	if ev.world.router != nil {
		if r, ok := ev.world.router(ev, fn, args, site); ok {
			return r, true
		}
	}
	nothing := &tuple{base: base{t: types.NewTuple()}}
	name := fn.obj.Origin().FullName()
	if fn.recv != nil && runtimeapi.IsSink(gotypes.RecvType(fn.obj)) {
		return ev.sinkMethod(fn, args, site), true
	}
	if gotypes.EndsCaller(fn.obj) {
		return ends(), true
	}
	switch name {
	case "(*" + manifest.RuntimePath + ".RegistryGeneration[K, V]).Add":
		ev.addEntry(fn, args, site)
		return nothing, true
	case manifest.RuntimePath + ".StateOf":
		ev.stateOf(fn, args, site)
		return results(fn.t, "it is kept state"), true
	case manifest.RuntimePath + ".IsHotMode":
		return &basic{base{types.Typ[types.Bool], site.pos}, constant.MakeBool(true)}, true
	case manifest.RuntimePath + ".Box":
		return ev.boxCall(fn, args, site), true
	case "(*sync.WaitGroup).Go", "(*golang.org/x/sync/errgroup.Group).Go":
		if len(args) == 1 {
			ev.call(args[0], nil, site)
		}
		return results(fn.t, fn.whyUnknown()), true
	case "net/http.StripPrefix":
		if prefix, ok := text(args[0]); ok && prefix == "" && len(args) == 2 {
			return args[1], true
		}
	}
	switch fn.obj.Pkg().Path() {
	case "cmp", "fmt", "maps", "net/http", "net/url", "path", "slices", "sort", "strconv", "strings":
		if r, ok := ev.callLibrary(name, fn, args, site); ok {
			return r, true
		}
		to := base{t: types.Typ[types.String], at: site.pos}
		switch like := ev.partialOf(name, args); len(like) {
		case 0:
			return nil, false
		case 1:
			return &basic{to, constant.MakeString(like[0])}, true
		default:
			return &unknown{base: to, why: fn.whyUnknown(), like: like}, true
		}
	}
	return nil, false
}

// handlersOf says what functions of dependencies return as http.Handler: the
// live manifest names a handler by its type or function, also where that is
// not exported.
var handlersOf = map[string]wellKnown{
	"expvar.Handler":                                {"expvar.expvarHandler", manifest.KindHandlerFunc},
	"net/http.AllowQuerySemicolons":                 {"http.AllowQuerySemicolons.func1", manifest.KindHandlerFunc},
	"net/http.FileServer":                           {"*http.fileHandler", manifest.KindHandler},
	"net/http.FileServerFS":                         {"*http.fileHandler", manifest.KindHandler},
	"net/http.MaxBytesHandler":                      {"http.MaxBytesHandler.func1", manifest.KindHandlerFunc},
	"net/http.NotFoundHandler":                      {"http.NotFound", manifest.KindHandlerFunc},
	"net/http.RedirectHandler":                      {"*http.redirectHandler", manifest.KindHandler},
	"net/http.StripPrefix":                          {"http.StripPrefix.func1", manifest.KindHandlerFunc},
	"net/http.TimeoutHandler":                       {"*http.timeoutHandler", manifest.KindHandler},
	manifest.RuntimePath + ".HandlerToMethodRouter": {"*chi.Mux", manifest.KindHandler},
}

// describeResult adds what is known of an unknown result.
func (ev *evaluator) describeResult(fn *function, r value) value {
	u, ok := r.(*unknown)
	if !ok || fn.obj.Pkg() == nil {
		return r
	}
	name := fn.obj.Origin().FullName()
	if known, ok := handlersOf[name]; ok {
		u.named, u.some = &known, true
	}
	switch name {
	case "errors.New", "fmt.Errorf", manifest.RuntimePath + ".StatusErrorf":
		u.some = true
	}
	return u
}
