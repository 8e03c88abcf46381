package eval

import (
	"go/types"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// disturb makes unknown what a function whose code is not known may have changed through a value
// that it got: what pointers, maps and slices lead to.
func (ev *evaluator) disturb(v value, why string) {
	d := disturbance{ev: ev, why: why, done: map[*cell]bool{}}
	d.through(v)
}

// disturbed is disturb for the receiver and the arguments of a call.
func (ev *evaluator) disturbed(fn *function, args []value, site callSite) {
	if fn != nil && fn.obj != nil && keepsArguments(fn.obj) {
		return
	}
	why := site.name + " may have changed it"
	if fn != nil && fn.obj != nil {
		why = gotypes.FunctionName(fn.obj) + " may have changed it"
	}
	if fn != nil && fn.recv != nil {
		recv := fn.recv
		if p, ok := recv.(*pointer); ok && fn.obj != nil {
			if _, wants := types.Unalias(gotypes.RecvType(fn.obj)).(*types.Pointer); !wants {
				recv = p.to.v // the method has a copy
			}
		}
		ev.disturb(recv, why)
	}
	for _, a := range args {
		ev.disturb(a, why)
	}
}

type disturbance struct {
	ev   *evaluator
	why  string
	done map[*cell]bool
}

// through disturbs what a value refers to, and not the value itself: a callee has its own copy of
// that.
func (d *disturbance) through(v value) {
	d.ev.step()
	switch v := v.(type) {
	case *pointer:
		if p, ok := v.t.Underlying().(*types.Pointer); ok {
			d.cell(v.to, p.Elem())
		}
	case *structure:
		for _, c := range v.fields {
			d.through(c.v)
		}
	case *list:
		_, array := v.t.Underlying().(*types.Array)
		for _, c := range v.elems {
			if array {
				d.through(c.v)
			} else {
				d.cell(c, elementOf(v.t))
			}
		}
	case *table:
		for _, c := range v.elems {
			d.through(c.v)
		}
		v.keys, v.elems, v.open = nil, nil, true
	case *boxValue:
		d.through(v.handler)
	}
}

// cell disturbs a variable of type t. Structs and arrays stay what they are, so that pointers into
// them see it too; a sink cannot be changed.
func (d *disturbance) cell(c *cell, t types.Type) {
	if d.done[c] {
		return
	}
	d.done[c] = true
	switch v := c.v.(type) {
	case *sink:
		return
	case *structure:
		if s, ok := t.Underlying().(*types.Struct); ok && s.NumFields() == len(v.fields) {
			for i, field := range v.fields {
				d.cell(field, s.Field(i).Type())
			}
			return
		}
	case *list:
		if _, array := t.Underlying().(*types.Array); array {
			for _, elem := range v.elems {
				d.cell(elem, elementOf(t))
			}
			return
		}
	}
	d.through(c.v)
	d.ev.set(c, &unknown{base: base{t, c.v.origin()}, why: d.why})
}

// callBacks calls the functions among arguments, also those that are in a list or a struct.
func (ev *evaluator) callBacks(args []value, site callSite, depth int) {
	for _, a := range args {
		switch a := a.(type) {
		case *function:
			ev.callBack(a, site)
		case *list:
			if depth > 0 {
				ev.callBacks(valuesOf(a.elems), site, depth-1)
			}
		case *structure:
			if depth > 0 {
				ev.callBacks(valuesOf(a.fields), site, depth-1)
			}
		}
	}
}

// callBack calls a function that was given to one whose code is not known: it may be called any
// number of times, or never. Handlers are called when there is something to answer, and then
// registration is over.
func (ev *evaluator) callBack(callback *function, site callSite) {
	if callback.body() == nil || ev.recursive(callback.body()) {
		return
	}
	if _, _, err := ev.world.Known.KindOf(callback.t); err == nil {
		return
	}
	run := func() {
		ev.repeated(func() {
			ev.call(callback, unknownArgs(callback.t, "it is called by "+site.name), callSite{pos: site.pos, name: site.name})
		})
	}
	if reachesSink(callback, 4) {
		run()
	} else {
		ev.aside(run)
	}
}

// readers are packages of which the functions do not write to what they get, or change no more than
// its order.
var readers = []string{
	"context", "errors", "html", "html/template", "io/fs", "log", "log/slog", "net/http", "net/url", "os", "path",
	"path/filepath", "regexp", "sort", "strconv", "strings", "text/template", "time", manifest.RuntimePath,
}

// keepsArguments reports whether a function is known to be such a reader.
func keepsArguments(fn *types.Func) bool {
	if fn.Pkg() == nil {
		return false
	}
	path, name := fn.Pkg().Path(), fn.Name()
	switch {
	case strings.HasPrefix(name, "Marshal"), name == "Encode":
		return strings.HasPrefix(path, "encoding/")
	case path == "fmt":
		return !strings.Contains(name, "can")
	case path == "maps":
		return name != "Copy" && name != "Insert" && name != "DeleteFunc"
	case path == "slices":
		writing := []string{"Insert", "Delete", "DeleteFunc", "Replace", "Compact", "CompactFunc", "AppendSeq"}
		return !slices.Contains(writing, name)
	}
	return slices.Contains(readers, path)
}
