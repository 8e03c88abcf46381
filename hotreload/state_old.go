package hotreload

import (
	"iter"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
)

// OldValue is a value, or a part of one, as an older generation kept it, for the
// function of [WithMigration]. It shows a copy by the names and positions of its
// parts, and looks through pointers and interfaces. [OldAs] turns it into a value of
// the new code.
//
// The zero OldValue stands for what is not there, such as a field that does not exist
// or the target of a nil pointer. All methods may be called on it.
//
// An OldValue is valid until the function returns, and belongs to its goroutine.
type OldValue struct{ old migrate.Old }

// Exists reports whether the value is there.
func (o OldValue) Exists() bool { return o.old.Exists() }

// Type returns the name of the type in the old code; empty if there is no value.
func (o OldValue) Type() string { return o.old.Type() }

// Field returns a field of a struct, exported or not. To ask for a field is to deal
// with it: it is not reported as dropped.
func (o OldValue) Field(name string) OldValue { return OldValue{o.old.Field(name)} }

// Fields returns the names of the fields of a struct in the order of their
// declaration.
func (o OldValue) Fields() []string { return o.old.Fields() }

// Len returns the number of elements of a slice, array or map; 0 for anything
// else.
func (o OldValue) Len() int { return o.old.Len() }

// Index returns an element of a slice or array; the zero OldValue outside of it.
func (o OldValue) Index(i int) OldValue { return OldValue{o.old.Index(i)} }

// All returns the entries of a map with their keys, in no particular order, or
// the elements of a slice or array with their indices.
func (o OldValue) All() iter.Seq2[OldValue, OldValue] {
	return func(yield func(OldValue, OldValue) bool) {
		o.old.All()(func(key, elem migrate.Old) bool { return yield(OldValue{key}, OldValue{elem}) })
	}
}

// OldAs turns an old value into a new one, as the migration without [WithMigration]
// does. What cannot be turned is zero, and is reported as dropped.
func OldAs[T any](o OldValue) T {
	var now T
	o.old.As(reflect.ValueOf(&now).Elem())
	return now
}
