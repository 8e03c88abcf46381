package migrate

import (
	"reflect"
	"unsafe"
)

// Open returns v, a variable or a field or element of one, so that it can be
// read and set whether or not the field is exported.
//
// This is the one use of package unsafe in the migration of state. Reflection
// guards unexported fields so that no package depends on the inside of another
// one; to copy a value whole is the exception. The memory is that of v and is
// accessed by its own type, so nothing else changes.
func Open(v reflect.Value) reflect.Value {
	if v.CanSet() {
		return v
	}
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}
