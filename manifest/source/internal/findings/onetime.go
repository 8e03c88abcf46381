package findings

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
)

// OneTime is a global registration that a second generation cannot make.
type OneTime struct {
	manifest.Diagnostic
	// Registering says that every generation makes it, because it is reached
	// from AnvilRegisterRoutes.
	Registering bool
	// Packages are the hot packages whose initialisation makes it, sorted: it
	// takes effect in a generation that compiles one of them anew.
	Packages []string
}

// oneTimeCall is a call that a second generation cannot make.
type oneTimeCall struct {
	pos     token.Pos
	message string
	why     string
	hint    bool // it does no harm by itself
}

// oneTime returns what is wrong with a call in code that runs once for each
// generation; ok is false if nothing is.
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
	case path == "net/http" && (name == "Handle" || name == "HandleFunc") && (!method || f.isVar(call, "net/http", "DefaultServeMux")):
		what, panics = "takes a pattern of http.DefaultServeMux", "pattern conflicts with pattern"
	case fn.FullName() == "runtime/pprof.NewProfile":
		what, panics = "names a profile of the process", "NewProfile name already in use"
	case fn.FullName() == "net/rpc.HandleHTTP":
		what, panics = "takes patterns of http.DefaultServeMux", "pattern conflicts with pattern"
	case path == "github.com/prometheus/client_golang/prometheus" && name == "MustRegister" && (!method || f.isVar(call, path, "DefaultRegisterer")):
		what, panics = "registers a metric of the process", "duplicate metrics collector registration attempted"
	case path == "github.com/prometheus/client_golang/prometheus/promauto" && !method && strings.HasPrefix(name, "New"):
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
		why: fmt.Sprintf("it %s: a second generation in the same process panics (%s); main and other host packages do it once", what, panics),
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
		c.message = manifest.Fit("what one generation encodes the next does not decode: move "+typeName, "what one generation encodes the next does not decode")
		c.why = fmt.Sprintf("%s names the type by the import path of this generation; that of a type in a host package stays", callText(f.info, call))
	case name == "Register":
		// gob names an unnamed type, also a pointer, without import paths.
		c.takes(callText(f.info, call), "the name "+gotypes.Signature(t), typeName)
	case name == "RegisterName":
		c.takes(callText(f.info, call), "the name", typeName)
	default:
		return c, false
	}
	return c, true
}

// takes says that a call takes a name for a type of one generation.
func (c *oneTimeCall) takes(call, name, typeName string) {
	c.message = panicsOnReload(fmt.Sprintf("%s takes a name for %s", call, typeName), call+" takes a name")
	c.why = fmt.Sprintf("it takes %s for the %s of this generation: the next one has another type and panics (registering duplicate types); in a host package the type stays", name, typeName)
}

// panicsOnReload is the message of what a process does only once. The reason is
// related.
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
		if n, ok := types.Unalias(t).(*types.Named); ok && own == nil && n.Obj().Pkg() == f.c.Types {
			own = n
		}
	})
	return own
}

// callText returns a call as a person refers to it: flag.Bool("debug").
func callText(info *types.Info, call *ast.CallExpr) string {
	name := types.ExprString(call.Fun)
	for _, a := range call.Args {
		if v := info.Types[a].Value; v != nil && v.Kind() == constant.String {
			return fmt.Sprintf("%s(%q)", name, constant.StringVal(v))
		}
	}
	return name
}

// definesFlag reports whether a function or method defines a flag on the flag
// set of the process: those that do describe its usage.
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

// namedByGeneration reports whether the number of the generation is part of an
// argument, so that names do not clash.
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

// reach notes what happens for certain when a function runs: calls that are not
// inside a condition, behind a statement that may have left, or in a function
// literal that may never run.
func (f *factFinder) reach(own *functionFacts, root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		if call := statementCall(n); call != nil {
			f.statements[call] = true
		}
		switch n := n.(type) {
		case *ast.FuncLit:
			return n == root
		case *ast.BlockStmt:
			f.reachList(own, n.List)
			return false
		case *ast.IfStmt:
			f.reachIf(own, n)
			return false
		case *ast.ForStmt:
			if n.Init != nil {
				f.reach(own, n.Init)
			}
			if n.Cond != nil {
				f.reach(own, n.Cond)
			} else {
				f.reach(own, n.Body)
			}
			return false
		case *ast.RangeStmt:
			f.reach(own, n.X)
			if f.hasElements(n.X) {
				f.reach(own, n.Body)
			}
			return false
		case *ast.BinaryExpr:
			if n.Op == token.LAND || n.Op == token.LOR {
				f.reach(own, n.X)
				if is, known := f.condition(n.X); known && is == (n.Op == token.LAND) {
					f.reach(own, n.Y)
				}
				return false
			}
		case *ast.CaseClause, *ast.CommClause:
			return false
		case *ast.AssignStmt:
			if g, ok := f.grows(own, n); ok {
				own.grows = append(own.grows, g)
			}
		case *ast.CallExpr:
			f.reachCall(own, n)
		}
		return true
	})
}

// reachList stops behind a statement that may leave the list, so that what
// follows may not run. The check of an error is none: with an error the
// generation is over, or goes on in each as in the first.
func (f *factFinder) reachList(own *functionFacts, list []ast.Stmt) {
	f.claims(own, list)
	for _, s := range list {
		f.reach(own, s)
		if check, ok := s.(*ast.IfStmt); ok && check.Else == nil && gotypes.ChecksError(f.info, check.Cond) {
			continue
		}
		if f.mayLeave(s) {
			break
		}
	}
}

func (f *factFinder) reachIf(own *functionFacts, n *ast.IfStmt) {
	if n.Init != nil {
		f.reach(own, n.Init)
	}
	f.reach(own, n.Cond)
	switch is, known := f.condition(n.Cond); {
	case known && is:
		f.reach(own, n.Body)
	case known && n.Else != nil:
		f.reach(own, n.Else)
	}
}

// mayLeave reports whether a statement may end the list that it stands in.
func (f *factFinder) mayLeave(s ast.Stmt) bool {
	found := false
	var walk func(root ast.Node, inLoop, inSwitch bool)
	walk = func(root ast.Node, inLoop, inSwitch bool) {
		ast.Inspect(root, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.ReturnStmt:
				found = true
			case *ast.BranchStmt:
				switch {
				case n.Tok == token.FALLTHROUGH:
				case n.Label != nil, n.Tok == token.GOTO, n.Tok == token.CONTINUE && !inLoop, n.Tok == token.BREAK && !inLoop && !inSwitch:
					found = true
				}
			case *ast.IfStmt:
				if is, known := f.condition(n.Cond); known {
					if is {
						walk(n.Body, inLoop, inSwitch)
					} else if n.Else != nil {
						walk(n.Else, inLoop, inSwitch)
					}
					return false
				}
			case *ast.ForStmt:
				walk(n.Body, true, inSwitch)
				return false
			case *ast.RangeStmt:
				walk(n.Body, true, inSwitch)
				return false
			case *ast.CaseClause, *ast.CommClause:
				if n != root {
					walk(n, inLoop, true)
					return false
				}
			}
			return !found
		})
	}
	walk(s, false, false)
	return found
}

// hasElements reports whether a range over an expression runs its body for
// certain.
func (f *factFinder) hasElements(e ast.Expr) bool {
	e = ast.Unparen(e)
	if a, ok := gotypes.OrInvalid(f.info.TypeOf(e)).Underlying().(*types.Array); ok {
		return a.Len() > 0
	}
	if lit, ok := e.(*ast.CompositeLit); ok {
		return len(lit.Elts) > 0
	}
	v := f.info.Types[e].Value
	return v != nil && (v.Kind() == constant.String && constant.StringVal(v) != "" || v.Kind() == constant.Int && constant.Sign(v) > 0)
}

// condition decides conditions that are constant in hot mode.
func (f *factFinder) condition(e ast.Expr) (is, known bool) {
	e = ast.Unparen(e)
	if v := f.info.Types[e].Value; v != nil && v.Kind() == constant.Bool {
		return constant.BoolVal(v), true
	}
	switch e := e.(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			is, known = f.condition(e.X)
			return !is, known
		}
	case *ast.CallExpr:
		if fn := f.callee(e); fn != nil && fn.FullName() == manifest.RuntimePath+".IsHotMode" {
			return true, true
		}
	}
	return false, false
}

func (f *factFinder) reachCall(own *functionFacts, call *ast.CallExpr) {
	if lit, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok {
		f.reach(own, lit.Body)
		return
	}
	if c, ok := f.oneTime(call); ok {
		own.oneTime = append(own.oneTime, c)
	}
	fn := f.callee(call)
	if fn == nil {
		return
	}
	own.calls = append(own.calls, callEdge{fn.Origin(), call.Pos(), call, f.statements[call]})
	switch fn.FullName() {
	case "(*sync.Once).Do":
		// Another package's Once may have been done by the generation before.
		if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && len(call.Args) == 1 {
			if v := f.rootVar(sel.X); v != nil && v.Pkg() == f.c.Types && f.c.Spec.Hot {
				f.reachArgument(own, call.Args[0])
			}
		}
	case "(*" + manifest.RuntimePath + ".RouteSink).Group":
		if len(call.Args) == 2 {
			f.reachArgument(own, call.Args[1])
		}
	}
}

func (f *factFinder) reachArgument(own *functionFacts, e ast.Expr) {
	if lit, ok := ast.Unparen(e).(*ast.FuncLit); ok {
		f.reach(own, lit.Body)
		return
	}
	if fn := f.functionOf(e); fn != nil {
		own.calls = append(own.calls, callEdge{fn: fn.Origin(), pos: e.Pos()})
	}
}

// Globals reports one-time global registrations that hot code makes when it is
// initialised or when it registers (ANV006).
func (f *Finder) Globals() []OneTime {
	found := map[token.Pos]*OneTime{}
	f.eachStart(func(_ *load.Unit, own *functionFacts, reached func(*OneTime)) { f.walkCalls(own, found, reached) })
	return oneTimes(found)
}

// eachStart calls visit with what each generation begins with: the initialisation
// of a hot package, or the register function. What visit reaches from there it
// passes to reached.
func (f *Finder) eachStart(visit func(c *load.Unit, own *functionFacts, reached func(*OneTime))) {
	for _, c := range f.Hot {
		visit(c, f.facts[c].init, func(o *OneTime) { o.Packages = append(o.Packages, c.Spec.ImportPath) })
		if c.Spec.ImportPath != f.Program.Handlers {
			continue
		}
		for fn, own := range f.facts[c].functions {
			if fn.Name() == manifest.RegisterName && fn.Signature().Recv() == nil {
				visit(c, own, func(o *OneTime) { o.Registering = true })
			}
		}
	}
}

// oneTimes returns what was found by position, with the packages of each sorted.
func oneTimes(found map[token.Pos]*OneTime) []OneTime {
	var all []OneTime
	for _, o := range found {
		slices.Sort(o.Packages)
		o.Packages = slices.Compact(o.Packages)
		all = append(all, *o)
	}
	slices.SortFunc(all, func(a, b OneTime) int { return a.Position.Compare(b.Position) })
	return all
}

// walkCalls finds the one-time registrations that a function makes itself or
// through hot functions that it calls.
func (f *Finder) walkCalls(root *functionFacts, found map[token.Pos]*OneTime, reached func(*OneTime)) {
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
				o = &OneTime{Diagnostic: manifest.Diagnose(manifest.CodeGlobal, f.Position(call.pos), "%s", call.message)}
				if call.hint {
					o.Severity = manifest.SeverityHint
				}
				o.Related = []manifest.Related{{Position: o.Position, Message: call.why}}
				for _, pos := range slices.Backward(chain) {
					o.Related = append(o.Related, manifest.Related{Position: f.Position(pos), Message: "reached from here"})
				}
				found[call.pos] = o
			}
			reached(o)
		}
		for _, call := range own.calls {
			if next := f.function(call.fn); next != nil {
				chain = append(chain, call.pos)
				visit(next)
				chain = chain[:len(chain)-1]
			}
		}
	}
	visit(root)
}
