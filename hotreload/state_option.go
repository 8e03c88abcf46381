package hotreload

import "reflect"

// StateOption is an option of [StateOf].
type StateOption func(*stateOptions)

type stateOptions struct {
	hook     func(pointer any, old OldValue) // makes the value in its place; may be nil
	hookType reflect.Type
	makes    reflect.Type // what hook makes

	holds []reflect.Type // in the order in which they were named

	transient bool
}

// WithMigration has fn make the value of a [StateOf] when the structure of its type
// changed, instead of the migration field by field:
//
//	carts := hotreload.StateOf(c, "carts", newCarts, hotreload.WithMigration(func(old hotreload.OldValue) carts {
//		all := hotreload.OldAs[carts](old) // what can be migrated by itself
//		for key, was := range old.All() {
//			all[hotreload.OldAs[string](key)].Title = hotreload.OldAs[string](was.Field("Name"))
//		}
//		return all
//	}))
//
// The type of the old value has no name in the new code; [OldValue] shows it. fn
// returns the type of the state. It is called while the old generation serves
// and may take its time, within the deadline of the load. If it panics the
// generation is refused.
//
// fn may stay in the code: as long as the structure does not change again it is
// not called. The next time that it does, fn sees the structure that is new now;
// [OldValue.Exists] tells what it has to deal with.
func WithMigration[T any](fn func(old OldValue) T) StateOption {
	return func(o *stateOptions) {
		o.hook = func(pointer any, old OldValue) { *pointer.(*T) = fn(old) }
		o.hookType, o.makes = reflect.TypeOf(fn), reflect.TypeFor[T]()
	}
}

// WithType says that interfaces inside of the value of a [StateOf] may hold a T, a
// type of a hot package:
//
//	shapes := hotreload.StateOf(c, "shapes", func() []shape { return nil },
//		hotreload.WithType[circle](), hotreload.WithType[*square]())
//
// A generation finds a new type by its name only if it can be reached from the
// type of the state; what is only ever held by interfaces cannot. T and *T need
// not be named both. With this option a value whose own type is the same in
// every generation, such as a map[string]any, is copied for each of them, too.
func WithType[T any]() StateOption {
	return func(o *stateOptions) { o.holds = append(o.holds, reflect.TypeFor[T]()) }
}

// Transient says that the value of a [StateOf] ends with its process: a warm
// restart begins it anew, without a word. It is for what only makes sense beside
// the connections or goroutines of one process, such as the clients of a hub. The
// option counts as it stands in the code that is live, and for what main has asked
// for as main says.
func Transient() StateOption {
	return func(o *stateOptions) { o.transient = true }
}
