//go:build !go1.27

package clash

import (
	"cmp"
	"reflect"
	"slices"
	"unsafe"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Clash is something that the process made at run time, and that a plugin which
// was loaded later has, too. A program that has all its code from the beginning
// never has two of it, so compiled code takes different addresses for different
// things.
type Clash struct {
	// typ, if inter is nil, is a type that package reflect made. Else the runtime
	// made the table that says how typ implements inter.
	typ, inter reflect.Type
}

// Clashes returns what the modules that were loaded since the last call have and
// the process had made before, sorted.
//
// That nothing is found is final: when plugin.Open begins to initialise the
// packages of a plugin, the runtime has entered its tables
// (plugin_lastmoduleinit in runtime/plugin.go) and linked its types
// (typelinksinit in runtime/type.go). From then on whoever asks for them, also
// the old code, gets those.
func (m *Modules) Clashes() []Clash {
	var found []Clash
	for fresh := range m.fresh() {
		found = append(found, fresh.tableClashes()...)
		found = append(found, fresh.typeClashes()...)
	}
	slices.SortFunc(found, func(a, b Clash) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(found)
}

// tableClashes finds tables that the runtime made for an assertion such as
// v.(fmt.Stringer), when no module had one. It keeps the first of a pair
// (itabTableType.add in runtime/iface.go), and the module's code compares with
// its own.
func (m *module) tableClashes() (found []Clash) {
	for _, table := range m.itablinks {
		if table.methods[0] == 0 {
			continue // a generic function asks whether its type is one of the interface
		}
		if getitab(table.inter, table.typ, true) != unsafe.Pointer(table) {
			found = append(found, Clash{typ: typeAt(table.typ), inter: typeAt(table.inter)})
		}
	}
	return found
}

// typeClashes finds types that reflect.MapOf and the like made when no module
// had them. They stay in the caches of package reflect.
func (m *module) typeClashes() (found []Clash) {
	for _, offset := range m.typelinks {
		at := unsafe.Add(m.types, offset)
		if resolveTypeOff(m.types, offset) != at {
			continue // an earlier module has it, so reflect took that
		}
		t := typeAt(at)
		if t.Name() != "" {
			continue // it cannot make those
		}
		made := m.made(t)
		if made != nil && made != t {
			found = append(found, Clash{typ: t})
		}
	}
	return found
}

// made returns what package reflect takes for a type without a name, nil if it
// cannot have made one: a type made of what came with the module did not exist.
func (m *module) made(t reflect.Type) (made reflect.Type) {
	defer func() {
		if recover() != nil {
			made = nil // reflect does not make such a type at all
		}
	}()
	old := func(parts ...reflect.Type) bool {
		return !slices.ContainsFunc(parts, func(t reflect.Type) bool { return m.has(addressOf(t)) })
	}
	switch t.Kind() {
	case reflect.Pointer:
		if old(t.Elem()) {
			return reflect.PointerTo(t.Elem())
		}
	case reflect.Slice:
		if old(t.Elem()) {
			return reflect.SliceOf(t.Elem())
		}
	case reflect.Array:
		if old(t.Elem()) {
			return reflect.ArrayOf(t.Len(), t.Elem())
		}
	case reflect.Chan:
		if old(t.Elem()) {
			return reflect.ChanOf(t.ChanDir(), t.Elem())
		}
	case reflect.Map:
		if old(t.Key(), t.Elem()) {
			return reflect.MapOf(t.Key(), t.Elem())
		}
	case reflect.Func:
		if in, out := slices.Collect(t.Ins()), slices.Collect(t.Outs()); old(in...) && old(out...) {
			return reflect.FuncOf(in, out, t.IsVariadic())
		}
	case reflect.Struct:
		var fields []reflect.StructField
		for f := range t.Fields() {
			if !old(f.Type) {
				return nil
			}
			fields = append(fields, f)
		}
		return reflect.StructOf(fields)
	}
	return nil
}

// typeAt returns the type that a descriptor describes.
func typeAt(descriptor unsafe.Pointer) reflect.Type {
	return reflect.TypeOf(*(*any)(unsafe.Pointer(&[2]unsafe.Pointer{descriptor, nil})))
}

// addressOf is the reverse of typeAt.
func addressOf(t reflect.Type) unsafe.Pointer {
	return (*[2]unsafe.Pointer)(unsafe.Pointer(&t))[1]
}

// String returns the clash as a person names it.
func (c Clash) String() string {
	if c.inter == nil {
		return symbol.NameOf(c.typ)
	}
	return symbol.NameOf(c.typ) + " as " + symbol.NameOf(c.inter)
}
