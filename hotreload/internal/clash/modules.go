//go:build !go1.27

package clash

import (
	"iter"
	"unsafe"
)

// module is what the Go runtime knows about the executable or a plugin: its
// moduledata, as Go 1.26 has it (runtime/symtab.go), up to the last field that
// is read here. TestModules notices when a new toolchain has another.
type module struct {
	_ uintptr    // pcHeader
	_ [6][]byte  // funcnametab, cutab, filetab, pctab, pclntable, ftab
	_ uintptr    // findfunctab
	_ [2]uintptr // minpc, maxpc
	_ [6]uintptr // text, noptrdata, data, each with its end
	_ [6]uintptr // bss, noptrbss, covctrs, each with its end
	_ [3]uintptr // end, gcdata, gcbss

	types, etypes unsafe.Pointer

	_ [3]uintptr // rodata, gofunc, epclntab
	_ []byte     // textsectmap

	typelinks []int32 // offsets from types
	itablinks []*itab

	_ []byte     // ptab
	_ string     // pluginpath
	_ [2][]byte  // pkghashes, inittasks
	_ string     // modulename
	_ []byte     // modulehashes
	_ bool       // hasmain
	_ bool       // bad
	_ [4]uintptr // gcdatamask, gcbssmask
	_ uintptr    // typemap

	next *module
}

// itab is the table of an interface type and a type (internal/abi/iface.go). Code
// compares values of interface types by its address, so there must be one for each
// pair.
type itab struct {
	inter, typ unsafe.Pointer
	_          uint32     // hash
	methods    [1]uintptr // and more; 0 if the type does not implement the interface
}

// lastModule is the module that was loaded last.
//
//go:linkname lastModule runtime.lastmoduledatap
var lastModule *module

// getitab returns the table that counts for a pair, nil if the type does not
// implement the interface.
//
//go:linkname getitab runtime.getitab
func getitab(inter, typ unsafe.Pointer, canfail bool) unsafe.Pointer

// resolveTypeOff returns the type at an offset in the module of base or, if an
// earlier module has the same type, that one.
//
//go:linkname resolveTypeOff reflect.resolveTypeOff
func resolveTypeOff(base unsafe.Pointer, offset int32) unsafe.Pointer

// Modules follows what the process loads. The zero value has seen nothing. It
// is not safe for concurrent use.
type Modules struct{ seen *module }

// Skip takes note of all that is loaded.
func (m *Modules) Skip() { m.seen = lastModule }

// fresh yields what was loaded since it was called last, or skip.
func (m *Modules) fresh() iter.Seq[*module] {
	return func(yield func(*module) bool) {
		for m.seen != nil && m.seen != lastModule {
			m.seen = m.seen.next
			if !yield(m.seen) {
				return
			}
		}
	}
}

// has reports whether a type is part of the module's file.
func (m *module) has(typ unsafe.Pointer) bool {
	return uintptr(typ) >= uintptr(m.types) && uintptr(typ) < uintptr(m.etypes)
}
