package hotreload

import (
	"iter"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
)

// OldValue is a value, or a part of one, as an older generation kept it: what a
// function for [WithMigration] gets. It is a copy that only that function has, and
// shows it by the names and positions of its parts; [OldAs] turns it, or a part of
// it, into a value of the new code. Pointers and interfaces are looked through.
//
// The zero OldValue stands for what is not there: a field that does not exist, the
// target of a nil pointer. All methods may be called on it.
//
// OldValue is for use by one goroutine, inside of the function.
type OldValue struct{ old migrate.Old }

// Exists reports whether there is something.
func (o OldValue) Exists() bool { return o.old.Exists() }

// Type returns the type as the old code named it; empty if nothing is there.
func (o OldValue) Type() string { return o.old.Type() }

// Field returns a field of a struct, exported or not. A field that was asked for
// counts as taken care of: if it was dropped that is not reported.
func (o OldValue) Field(name string) OldValue { return OldValue{o.old.Field(name)} }

// Fields returns the names of the fields of a struct in the order of their
// declaration.
func (o OldValue) Fields() []string { return o.old.Fields() }

// Len returns the number of elements of a slice, array or map; 0 for anything
// else.
func (o OldValue) Len() int { return o.old.Len() }

// Index returns an element of a slice or array. There is nothing outside of it.
func (o OldValue) Index(i int) OldValue { return OldValue{o.old.Index(i)} }

// All returns the entries of a map with their keys, in no particular order, or
// the elements of a slice or array with their indices.
func (o OldValue) All() iter.Seq2[OldValue, OldValue] {
	return func(yield func(OldValue, OldValue) bool) {
		o.old.All()(func(key, elem migrate.Old) bool { return yield(OldValue{key}, OldValue{elem}) })
	}
}

// OldAs turns an old value into a new one, as the migration does by itself; what
// is not possible is zero and is reported as dropped. It is zero if there is
// nothing.
func OldAs[T any](o OldValue) T {
	var now T
	o.old.As(reflect.ValueOf(&now).Elem())
	return now
}
