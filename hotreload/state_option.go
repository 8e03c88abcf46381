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

// WithMigration makes the value of a [StateOf] with fn when the structure of its type
// has changed, instead of field by field:
//
//	carts := hotreload.StateOf(c, "carts", newCarts, hotreload.WithMigration(func(old hotreload.OldValue) carts {
//		all := hotreload.OldAs[carts](old) // what needs no help
//		for key, was := range old.All() {
//			all[hotreload.OldAs[string](key)].Title = hotreload.OldAs[string](was.Field("Name"))
//		}
//		return all
//	}))
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
