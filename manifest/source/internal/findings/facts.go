package findings

import (
	"go/ast"
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

// facts are what one package contributes to findings about all hot packages. They depend on nothing
// but the package.
type facts struct {
	pkg  *types.Package
	info *types.Info
	hot  bool

	functions map[*types.Func]*functionFacts // declared in the package
	init      *functionFacts                 // what runs when the package is initialised
	changes   []change
	calls     []variableCall
	uses      []use
	states    []runtimeapi.StateCall
	starts    []start
	shrinks   []shrink
	openings  []opening
	closes    []*types.Var // of which Close is called, or handed on to be
}

// surroundings are where something stands: in a declared function, nil where a package is
// initialised or routes are registered. What stands in a function literal may run at any time.
type surroundings struct {
	fn      *types.Func
	literal bool
}

// change is a statement by which a package-level variable is changed.
type change struct {
	v   *types.Var
	pos token.Pos
	in  surroundings
	// itself: the variable is set, and not something that it refers to; kept: to a value from the
	// Container.
	itself, kept bool
}

// use is an expression by which a declared function is called or referred to.
type use struct {
	fn     *types.Func
	called bool
	in     surroundings
}

// functionFacts are those of one function, without those that it calls.
type functionFacts struct {
	scope
	oneTime []oneTimeCall
	calls   []callEdge
	grows   []growth
	claims  []claim
	// params are the parameters; the last one is a list if it is variadic.
	params   []*types.Var
	variadic bool
	// changesReceiver: a method writes to what its receiver holds.
	changesReceiver bool
	// changesArgument are the parameters, by index, through which it writes.
	changesArgument []int
	// endless: it holds a loop that nothing ends; endlessBut: nothing but the context that it gets.
	endless, endlessBut bool
}

// callEdge is a call that is made whenever the function runs.
type callEdge struct {
	fn  *types.Func
	pos token.Pos
	// call is nil if the function is handed on to be called.
	call      *ast.CallExpr
	statement bool // the results are not used
}

// variableCall is the call of a method of a package-level variable, or of a function that gets its
// address.
type variableCall struct {
	v   *types.Var
	fn  *types.Func
	arg int // index of the address among the arguments; -1 for a method
	pos token.Pos
	in  surroundings
}

// oneTimeCall is a call that a second generation cannot make.
type oneTimeCall struct {
	pos     token.Pos
	message string
	why     string
	hint    bool // it does no harm by itself
}

// growth is a statement that adds to a table whenever it runs.
type growth struct {
	target
	pos     token.Pos
	indexed bool // to an element of a map
	// listParam is the index of the parameter that holds what is added, as a list; -1 if there is
	// something in any case.
	listParam int
}

// claim is a statement that enters a key into a map, and panics if it is there already.
type claim struct {
	target
	pos   token.Pos
	key   string // as constant.Value writes it
	param int    // index of the parameter that is the key; -1 if key is it
}

// shrink is a statement by which a table is emptied, set again or loses an entry.
type shrink struct {
	slot    *types.Var
	indexed bool // an element of a map
	in      surroundings
}

// start is something that may outlive its generation.
type start struct {
	pos     token.Pos
	fn      *types.Func // runs in it, if its source tells; else it is certain
	but     bool        // fn ends only with a context, and gets one that never ends
	message string
}

// opening is a statement by which a generation that begins sets a package-level variable to what a
// function returns.
type opening struct {
	v  *types.Var
	fn *types.Func
	// declared: where the variable is declared, when no Container is at hand yet.
	declared bool
}

// target is something that can be added to, and what it is a part of: a package-level variable, the
// receiver of the method, or a value that the Container keeps. For registry.items the slot is the
// field items and the root the variable registry.
type target struct {
	slot *types.Var
	root *types.Var
	own  bool // of the receiver
	kept bool // in the Container
}

// scope is what decides what the names in a function mean.
type scope struct {
	info *types.Info
	recv *types.Var
	body *ast.BlockStmt // nil for the initialisation of a package
	kept map[*types.Var]bool
}
