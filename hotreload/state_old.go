package hotreload

import (
	"iter"
	"reflect"
)

// Old is a value, or a part of one, as an older generation kept it: what a
// function for [Migrate] gets. It is a copy that only that function has, and
// shows it by the names and positions of its parts; [As] turns it, or a part of
// it, into a value of the new code. Pointers and interfaces are looked through.
//
// The zero Old stands for what is not there: a field that does not exist, the
// target of a nil pointer. All methods may be called on it.
//
// Old is for use by one goroutine, inside of the function.
type Old struct {
	v       reflect.Value // a variable; not valid if there is nothing
	site    site
	inquiry *inquiry
}

// inquiry is what all that one hook sees has in common.
type inquiry struct {
	plans *planner
	lost  *losses
	step  func()
	taken map[taken]bool
}

// Exists reports whether there is something.
func (o Old) Exists() bool { return o.v.IsValid() }

// Type returns the type as the old code named it; empty if nothing is there.
func (o Old) Type() string {
	if !o.Exists() {
		return ""
	}
	return typeName(o.v.Type())
}

// target looks through pointers and interfaces.
func (o Old) target() reflect.Value {
	v := o.v
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		if v = v.Elem(); v.IsValid() {
			v = unboxed(v)
		}
	}
	return v
}

// Field returns a field of a struct, exported or not. A field that was asked for
// counts as taken care of: if it was dropped that is not reported.
func (o Old) Field(name string) Old {
	v := o.target()
	if !v.IsValid() || v.Kind() != reflect.Struct {
		return Old{}
	}
	f, ok := v.Type().FieldByName(name)
	if !ok || len(f.Index) != 1 {
		return Old{}
	}
	o.inquiry.taken[taken{v.Type(), name}] = true
	return Old{open(v.Field(f.Index[0])), site{owner: v.Type(), field: name, asked: true}, o.inquiry}
}

// Fields returns the names of the fields of a struct in the order of their
// declaration.
func (o Old) Fields() []string {
	v := o.target()
	if !v.IsValid() || v.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for f := range v.Type().Fields() {
		names = append(names, f.Name)
	}
	return names
}

// Len returns the number of elements of a slice, array or map; 0 for anything
// else.
func (o Old) Len() int {
	switch v := o.target(); v.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return v.Len()
	}
	return 0
}

// Index returns an element of a slice or array. There is nothing outside of it.
func (o Old) Index(i int) Old {
	v := o.target()
	if k := v.Kind(); k != reflect.Slice && k != reflect.Array || i < 0 || i >= v.Len() {
		return Old{}
	}
	return o.part(v.Index(i))
}

// All returns the entries of a map with their keys, in no particular order, or
// the elements of a slice or array with their indices.
func (o Old) All() iter.Seq2[Old, Old] {
	v := o.target()
	return func(yield func(Old, Old) bool) {
		switch v.Kind() {
		case reflect.Map:
			for entries := v.MapRange(); entries.Next(); {
				if !yield(o.part(unboxed(entries.Key())), o.part(unboxed(entries.Value()))) {
					return
				}
			}
		case reflect.Slice, reflect.Array:
			for i := range v.Len() {
				if !yield(o.part(variable(i)), o.part(v.Index(i))) {
					return
				}
			}
		}
	}
}

// variable returns v as something that can be addressed and set.
func variable[T any](v T) reflect.Value { return reflect.ValueOf(&v).Elem() }

// part returns a part of o that has no name.
func (o Old) part(v reflect.Value) Old { return Old{v, o.site, o.inquiry} }

// As turns an old value into a new one, as the migration does by itself; what
// is not possible is zero and is reported as dropped. It is zero if there is
// nothing.
func As[T any](o Old) T {
	var now T
	if !o.Exists() {
		return now
	}
	in, to := o.inquiry, reflect.TypeFor[T]()
	in.plans.learn(to)
	src := o.v
	if target := o.target(); to.Kind() != reflect.Pointer && to.Kind() != reflect.Interface && target.IsValid() {
		src = target
	}
	at := o.site
	newCopier(in.plans, in.lost, in.step).run(reflect.ValueOf(&now).Elem(), src, in.plans.plan(src.Type(), to), &at, true)
	return now
}
