package hotreload

import (
	"iter"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
)

// StateOption is an option of [StateOf].
type StateOption func(*stateOptions)

type stateOptions struct {
	hook     func(pointer any, old OldValue) // makes the value in its place; may be nil
	hookType reflect.Type
	makes    reflect.Type // what hook makes

	holds []reflect.Type // in the order in which they were named

	transient bool
}

// WithMigration makes the value of a [StateOf] with fn when the structure of its type
// has changed, instead of field by field.
//
// The type of the old value has no name in the new code; [OldValue] shows it. T is the
// type of the state. fn runs while the old generation serves, and may take its time
// within the deadline of the load. If it panics the generation is refused.
//
// fn may stay in the code: it is not called until the structure changes again. Then it
// sees the structure that is new now; [OldValue.Exists] tells the cases apart.
func WithMigration[T any](fn func(old OldValue) T) StateOption {
	return func(o *stateOptions) {
		o.hook = func(pointer any, old OldValue) { *pointer.(*T) = fn(old) }
		o.hookType, o.makes = reflect.TypeOf(fn), reflect.TypeFor[T]()
	}
}

// WithType names a type of a hot package that interfaces inside of the value of a
// [StateOf] may hold:
//
//	shapes := hotreload.StateOf(c, "shapes", func() []shape { return nil },
//		hotreload.WithType[circle](), hotreload.WithType[*square]())
//
// A generation finds a new type by its name only if the type of the state leads to it,
// which an interface does not. One of T and *T is enough. With this option a value
// whose own type is the same in every generation, such as a map[string]any, is copied
// for each generation, too.
func WithType[T any]() StateOption {
	return func(o *stateOptions) { o.holds = append(o.holds, reflect.TypeFor[T]()) }
}

// Transient ends the value of a [StateOf] with its process: after a warm restart
// initial makes it again, and nothing is reported. It is for what makes sense only
// with the connections or goroutines of one process, such as the clients of a hub.
// The code that is live decides, and main for a state that it has asked for itself.
func Transient() StateOption {
	return func(o *stateOptions) { o.transient = true }
}

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
