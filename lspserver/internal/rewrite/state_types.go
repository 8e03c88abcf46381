package rewrite

import (
	"go/types"
)

// typeFacts sort types by what becomes of their values in a reload.
type typeFacts struct{ p *Package }

// flat reports whether a copy of a value is all of it: numbers, strings, times,
// and structs and arrays of them.
func (j typeFacts) flat(t types.Type) bool {
	if isNamed(t, "time", "Time") {
		return true
	}
	if isNamed(t, "sync/atomic", atomics...) || isNamed(t, "sync", "Mutex", "RWMutex", "Once", "WaitGroup", "Cond", "Map", "Pool") {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() != types.UnsafePointer && u.Kind() != types.Invalid && u.Kind() != types.Uintptr
	case *types.Array:
		return j.flat(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if !j.flat(f.Type()) {
				return false
			}
		}
		return true
	}
	return false
}

// atomics are the types of sync/atomic whose values mean the same to every
// generation.
var atomics = []string{"Bool", "Int32", "Int64", "Uint32", "Uint64", "Uintptr"}

// shared reports whether every generation understands a value of the type: no
// type of a hot package is part of it, and nothing that may hold code or values
// of such types.
func (j typeFacts) shared(t types.Type) bool { return j.sharedIn(t, map[types.Type]bool{}) }

func (j typeFacts) sharedIn(t types.Type, seen map[types.Type]bool) bool {
	t = types.Unalias(t)
	if seen[t] {
		return true
	}
	seen[t] = true
	if named, ok := t.(*types.Named); ok {
		obj := named.Obj()
		switch {
		case obj.Pkg() != nil && j.p.Hot(obj.Pkg().Path()):
			return false
		case isNamed(t, "time", "Time", "Location"), isNamed(t, "sync/atomic", atomics...), isNamed(t, "sync", "Mutex", "RWMutex"):
			return true
		case isNamed(t, "sync/atomic", "Pointer"):
			return j.sharedIn(named.TypeArgs().At(0), seen)
		case obj.Pkg() != nil && (obj.Pkg().Path() == "sync" || obj.Pkg().Path() == "sync/atomic"):
			return false // Once, Pool, Map and Value hold or do anything
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() != types.UnsafePointer && u.Kind() != types.Invalid
	case *types.Pointer:
		return j.sharedIn(u.Elem(), seen)
	case *types.Slice:
		return j.sharedIn(u.Elem(), seen)
	case *types.Array:
		return j.sharedIn(u.Elem(), seen)
	case *types.Map:
		return j.sharedIn(u.Key(), seen) && j.sharedIn(u.Elem(), seen)
	case *types.Struct:
		for f := range u.Fields() {
			// The package of an unexported field is part of an unnamed struct's type.
			if f.Pkg() != nil && j.p.Hot(f.Pkg().Path()) && !f.Exported() {
				return false
			}
			if !j.sharedIn(f.Type(), seen) {
				return false
			}
		}
		return true
	}
	return false // functions, interfaces, channels, type parameters
}

// guardsItself reports whether a type is made for concurrent use: an atomic
// value, or a struct of a host package that brings its own lock.
func (j typeFacts) guardsItself(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || !j.shared(t) {
		return false
	}
	if isNamed(t, "sync/atomic", append([]string{"Pointer"}, atomics...)...) {
		return true
	}
	s, ok := named.Underlying().(*types.Struct)
	if !ok || isLock(t) {
		return false
	}
	for f := range s.Fields() {
		if isLock(f.Type()) && !f.Exported() {
			return true
		}
	}
	return false
}

// isLock recognises the locks of package sync.
func isLock(t types.Type) bool { return isNamed(t, "sync", "Mutex", "RWMutex") }
