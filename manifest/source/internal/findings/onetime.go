package findings

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// oneTime returns what is wrong with a call in code that runs once for each generation; ok is false
// if nothing is.
func (f *factFinder) oneTime(call *ast.CallExpr) (c oneTimeCall, ok bool) {
	fn := f.callee(call)
	if fn == nil || fn.Pkg() == nil || namedByGeneration(call) {
		return c, false
	}
	path, name := fn.Pkg().Path(), fn.Name()
	method := fn.Signature().Recv() != nil
	what, panics := "", ""
	switch {
	case path == "flag" || path == "github.com/spf13/pflag":
		if f.definesFlag(fn, call) {
			what, panics = "defines a flag of the process", "flag redefined"
		}
	case fn.FullName() == "database/sql.Register":
		what, panics = "registers a database driver", "Register called twice for driver"
	case path == "expvar" && !method && (name == "Publish" || strings.HasPrefix(name, "New")):
		what, panics = "publishes a variable of the process", "Reuse of exported var name"
	case path == "net/http" && (name == "Handle" || name == "HandleFunc") &&
		(!method || f.isVar(call, path, "DefaultServeMux")):
		what, panics = "takes a pattern of http.DefaultServeMux", "pattern conflicts with pattern"
	case fn.FullName() == "runtime/pprof.NewProfile":
		what, panics = "names a profile of the process", "NewProfile name already in use"
	case fn.FullName() == "net/rpc.HandleHTTP":
		what, panics = "takes patterns of http.DefaultServeMux", "pattern conflicts with pattern"
	case path == "github.com/prometheus/client_golang/prometheus" && name == "MustRegister" &&
		(!method || f.isVar(call, path, "DefaultRegisterer")),
		path == "github.com/prometheus/client_golang/prometheus/promauto" && !method && strings.HasPrefix(name, "New"):
		what, panics = "registers a metric of the process", "duplicate metrics collector registration attempted"
	case path == "google.golang.org/protobuf/internal/filetype" && name == "Build":
		what, panics = "registers a protobuf file", "file is already registered"
	case path == "modernc.org/sqlite" && strings.HasPrefix(name, "MustRegister"):
		what, panics = "registers a function of the database driver", "a function with this name was already registered"
	case path == manifest.RuntimePath && (name == "Provide" || name == "ProvideNamed"):
		what, panics = "puts something into the Container, which outlives the generation", "is already provided"
	case path == "encoding/gob" && !method:
		return f.gob(call, name)
	}
	if what == "" {
		return c, false
	}
	return oneTimeCall{
		pos: call.Pos(), message: panicsOnReload(callText(f.info, call) + " can run only once"),
		why: fmt.Sprintf("it %s: a second generation in the same process panics (%s); "+
			"main and other host packages do it once", what, panics),
	}, true
}

// gob checks gob.Register and gob.RegisterName of a value of a hot type.
func (f *factFinder) gob(call *ast.CallExpr, name string) (c oneTimeCall, ok bool) {
	if len(call.Args) == 0 {
		return c, false
	}
	t := types.Unalias(gotypes.OrInvalid(f.info.TypeOf(call.Args[len(call.Args)-1])))
	own := f.ownNamed(t)
	if own == nil {
		return c, false
	}
	c = oneTimeCall{pos: call.Pos()}
	typeName := own.Obj().Name()
	switch _, isNamed := t.(*types.Named); {
	case name == "Register" && isNamed:
		c.hint = true
		const lost = "what one generation encodes the next does not decode"
		c.message = manifest.Fit(lost+": move "+typeName, lost)
		c.why = callText(f.info, call) +
			" names the type by the import path of this generation; that of a type in a host package stays"
	case name == "Register":
		// gob names an unnamed type, also a pointer, without import paths.
		c.bindsName(callText(f.info, call), "the name "+gotypes.Signature(t), typeName)
	case name == "RegisterName":
		c.bindsName(callText(f.info, call), "the name", typeName)
	default:
		return c, false
	}
	return c, true
}

// bindsName says that a call bindsName a name for a type of one generation.
func (c *oneTimeCall) bindsName(call, name, typeName string) {
	c.message = panicsOnReload(fmt.Sprintf("%s takes a name for %s", call, typeName), call+" takes a name")
	c.why = fmt.Sprintf("it takes %s for the %s of this generation: the next one has another type and panics "+
		"(registering duplicate types); in a host package the type stays", name, typeName)
}

// panicsOnReload is the message of what a process does only once. The reason is related.
func panicsOnReload(wordings ...string) string {
	for i, w := range wordings {
		wordings[i] = "panics on reload: " + w
	}
	return manifest.Fit(wordings...)
}

// ownNamed returns a named type of this package that a type is made from.
func (f *factFinder) ownNamed(t types.Type) *types.Named {
	var own *types.Named
	gotypes.EachType(t, func(t types.Type) {
		if n, ok := types.Unalias(t).(*types.Named); ok && own == nil && n.Obj().Pkg() == f.pkg {
			own = n
		}
	})
	return own
}

// callText returns a call as one refers to it: flag.Bool("debug").
func callText(info *types.Info, call *ast.CallExpr) string {
	name := types.ExprString(call.Fun)
	for _, a := range call.Args {
		if v := info.Types[a].Value; v != nil && v.Kind() == constant.String {
			return fmt.Sprintf("%s(%q)", name, constant.StringVal(v))
		}
	}
	return name
}

// definesFlag reports whether a function or method defines a flag on the flag set of the process:
// those that do describe its usage.
func (f *factFinder) definesFlag(fn *types.Func, call *ast.CallExpr) bool {
	if fn.Signature().Recv() != nil && !f.isVar(call, fn.Pkg().Path(), "CommandLine") {
		return false
	}
	for p := range fn.Signature().Params().Variables() {
		if p.Name() == "usage" {
			return true
		}
	}
	return false
}

// isVar reports whether a method is called on a variable of a package.
func (f *factFinder) isVar(call *ast.CallExpr, path, name string) bool {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	v := f.packageVar(sel.X)
	return v != nil && v.Name() == name && v.Pkg().Path() == path
}

// namedByGeneration reports whether the number of the generation is part of an argument, so that
// names do not clash.
func namedByGeneration(call *ast.CallExpr) bool {
	found := false
	for _, a := range call.Args {
		ast.Inspect(a, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && strings.EqualFold(id.Name, "generation") {
				found = true
			}
			return !found
		})
	}
	return found
}

// globals finds one-time global registrations that hot code makes when it is initialised or when it
// registers (ANV006).
func (p *program) globals() []*finding {
	found := map[token.Pos]*finding{}
	p.eachStart(func(_ *facts, own *functionFacts, reached func(*finding)) { p.walkCalls(own, found, reached) })
	return sorted(found)
}

// sorted returns what was found by position, with the packages of each sorted.
func sorted(found map[token.Pos]*finding) []*finding {
	all := slices.SortedFunc(maps.Values(found), func(a, b *finding) int { return cmp.Compare(a.Pos, b.Pos) })
	for _, o := range all {
		slices.Sort(o.packages)
		o.packages = slices.Compact(o.packages)
	}
	return all
}

// walkCalls finds the one-time registrations that a function makes itself or through functions that
// it calls.
func (p *program) walkCalls(root *functionFacts, found map[token.Pos]*finding, reached func(*finding)) {
	seen := map[*functionFacts]bool{}
	var chain []token.Pos
	var visit func(own *functionFacts)
	visit = func(own *functionFacts) {
		if seen[own] {
			return
		}
		seen[own] = true
		for _, call := range own.oneTime {
			o := found[call.pos]
			if o == nil {
				o = newFinding(manifest.CodeGlobal, call.pos, call.message, because(call.pos, call.why))
				if call.hint {
					o.severity = manifest.SeverityHint
				}
				for _, pos := range slices.Backward(chain) {
					o.Related = append(o.Related, because(pos, "reached from here"))
				}
				found[call.pos] = o
			}
			reached(o)
		}
		for _, call := range own.calls {
			if next := p.function(call.fn); next != nil {
				chain = append(chain, call.pos)
				visit(next)
				chain = chain[:len(chain)-1]
			}
		}
	}
	visit(root)
}
