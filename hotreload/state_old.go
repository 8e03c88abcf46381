package hotreload

import (
	"iter"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
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
type OldValue struct {
	v       oldForm // nil if there is nothing
	site    site
	inquiry *inquiry
}

// oldForm is a value in its old form: one of this process, or one that came
// from the process before.
type oldForm interface {
	typ() namedType
	// target looks through pointers and interfaces; nil if one of them is.
	target() oldForm
	fields() []string          // of a struct
	field(name string) oldForm // of a struct; nil if there is none
	len() int                  // of a slice, array or map
	index(i int) oldForm       // of a slice or array; nil outside of it
	all(yield func(key, elem oldForm) bool)
	// as sets a variable to its new form.
	as(dst reflect.Value, in *inquiry, at *site)
}

// inquiry is what all that one hook sees has in common.
type inquiry struct {
	plans *planner // of values of this process
	lost  *losses
	step  func()
	taken map[taken]bool
}

// Exists reports whether there is something.
func (o OldValue) Exists() bool { return o.v != nil }

// Type returns the type as the old code named it; empty if nothing is there.
func (o OldValue) Type() string {
	if !o.Exists() {
		return ""
	}
	return symbol.NameOf(o.v.typ())
}

// target looks through pointers and interfaces.
func (o OldValue) target() oldForm {
	if o.v == nil {
		return nil
	}
	return o.v.target()
}

// Field returns a field of a struct, exported or not. A field that was asked for
// counts as taken care of: if it was dropped that is not reported.
func (o OldValue) Field(name string) OldValue {
	v := o.target()
	if v == nil {
		return OldValue{}
	}
	f := v.field(name)
	if f == nil {
		return OldValue{}
	}
	o.inquiry.taken[taken{v.typ(), name}] = true
	return OldValue{f, site{owner: v.typ(), field: name, asked: true}, o.inquiry}
}

// Fields returns the names of the fields of a struct in the order of their
// declaration.
func (o OldValue) Fields() []string {
	if v := o.target(); v != nil {
		return v.fields()
	}
	return nil
}

// Len returns the number of elements of a slice, array or map; 0 for anything
// else.
func (o OldValue) Len() int {
	if v := o.target(); v != nil {
		return v.len()
	}
	return 0
}

// Index returns an element of a slice or array. There is nothing outside of it.
func (o OldValue) Index(i int) OldValue {
	v := o.target()
	if v == nil {
		return OldValue{}
	}
	return o.part(v.index(i))
}

// All returns the entries of a map with their keys, in no particular order, or
// the elements of a slice or array with their indices.
func (o OldValue) All() iter.Seq2[OldValue, OldValue] {
	v := o.target()
	return func(yield func(OldValue, OldValue) bool) {
		if v != nil {
			v.all(func(key, elem oldForm) bool { return yield(o.part(key), o.part(elem)) })
		}
	}
}

// part returns a part of o that has no name.
func (o OldValue) part(v oldForm) OldValue {
	if v == nil {
		return OldValue{}
	}
	return OldValue{v, o.site, o.inquiry}
}

// OldAs turns an old value into a new one, as the migration does by itself; what
// is not possible is zero and is reported as dropped. It is zero if there is
// nothing.
func OldAs[T any](o OldValue) T {
	var now T
	if o.Exists() {
		at := o.site
		o.v.as(reflect.ValueOf(&now).Elem(), o.inquiry, &at)
	}
	return now
}

// liveOld is a value of this process, a variable.
type liveOld struct{ reflect.Value }

// variable returns v as something that can be addressed and set.
func variable[T any](v T) reflect.Value { return reflect.ValueOf(&v).Elem() }

func (o liveOld) typ() namedType { return o.Type() }

func (o liveOld) target() oldForm {
	v := o.Value
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = unboxed(v.Elem())
	}
	return liveOld{v}
}

func (o liveOld) fields() (names []string) {
	if o.Kind() == reflect.Struct {
		for f := range o.Type().Fields() {
			names = append(names, f.Name)
		}
	}
	return names
}

func (o liveOld) field(name string) oldForm {
	if o.Kind() != reflect.Struct {
		return nil
	}
	f, ok := o.Type().FieldByName(name)
	if !ok || len(f.Index) != 1 {
		return nil
	}
	return liveOld{open(o.Value.Field(f.Index[0]))}
}

func (o liveOld) len() int {
	switch o.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return o.Value.Len()
	}
	return 0
}

func (o liveOld) index(i int) oldForm {
	if k := o.Kind(); k != reflect.Slice && k != reflect.Array || i < 0 || i >= o.Value.Len() {
		return nil
	}
	return liveOld{o.Value.Index(i)}
}

func (o liveOld) all(yield func(key, elem oldForm) bool) {
	switch o.Kind() {
	case reflect.Map:
		for entries := o.MapRange(); entries.Next(); {
			if !yield(liveOld{unboxed(entries.Key())}, liveOld{unboxed(entries.Value())}) {
				return
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range o.Value.Len() {
			if !yield(liveOld{variable(i)}, liveOld{o.Value.Index(i)}) {
				return
			}
		}
	}
}

func (o liveOld) as(dst reflect.Value, in *inquiry, at *site) {
	to := dst.Type()
	in.plans.learn(to)
	src := o.Value
	if to.Kind() != reflect.Pointer && to.Kind() != reflect.Interface {
		if target, ok := o.target().(liveOld); ok {
			src = target.Value
		}
	}
	newCopier(in.plans, in.lost, in.step).run(dst, src, in.plans.plan(src.Type(), to), at, true)
}
