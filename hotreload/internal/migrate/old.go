package migrate

import (
	"iter"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Old is a value, or a part of one, as an older generation kept it: what
// hotreload.OldValue shows to a function of the user.
type Old struct {
	v       Form // nil if there is nothing
	site    Site
	inquiry *Inquiry
}

// Form is a value in its old form: one of this process, or one that came
// from the process before.
type Form interface {
	OldType() NamedType
	// Target looks through pointers and interfaces; nil if one of them is.
	Target() Form
	Fields() []string       // of a struct
	Field(name string) Form // of a struct; nil if there is none
	Len() int               // of a slice, array or map
	Index(i int) Form       // of a slice or array; nil outside of it
	All(yield func(key, elem Form) bool)
	// As sets a variable to its new form.
	As(dst reflect.Value, in *Inquiry, at *Site)
}

// Inquiry is what all that one hook sees has in common.
type Inquiry struct {
	plans  *Planner // of values of this process
	Lost   *Losses
	Step   func()
	byHook map[fieldName]bool
}

// Exists reports whether there is something.
func (o Old) Exists() bool { return o.v != nil }

// Type returns the type as the old code named it; empty if nothing is there.
func (o Old) Type() string {
	if !o.Exists() {
		return ""
	}
	return symbol.NameOf(o.v.OldType())
}

// Target looks through pointers and interfaces.
func (o Old) Target() Form {
	if o.v == nil {
		return nil
	}
	return o.v.Target()
}

// Field returns a field of a struct. One that was asked for is not reported as dropped.
func (o Old) Field(name string) Old {
	v := o.Target()
	if v == nil {
		return Old{}
	}
	f := v.Field(name)
	if f == nil {
		return Old{}
	}
	o.inquiry.byHook[fieldName{v.OldType(), name}] = true
	return Old{f, Site{Owner: v.OldType(), Field: name, byHook: true}, o.inquiry}
}

// Fields returns the names of the fields of a struct.
func (o Old) Fields() []string {
	if v := o.Target(); v != nil {
		return v.Fields()
	}
	return nil
}

// Len returns the number of elements of a slice, array or map.
func (o Old) Len() int {
	if v := o.Target(); v != nil {
		return v.Len()
	}
	return 0
}

// Index returns an element of a slice or array.
func (o Old) Index(i int) Old {
	v := o.Target()
	if v == nil {
		return Old{}
	}
	return o.part(v.Index(i))
}

// All returns the entries of a map, or the elements of a slice or array with their indices.
func (o Old) All() iter.Seq2[Old, Old] {
	v := o.Target()
	return func(yield func(Old, Old) bool) {
		if v != nil {
			v.All(func(key, elem Form) bool { return yield(o.part(key), o.part(elem)) })
		}
	}
}

// part returns a part of o that has no name.
func (o Old) part(v Form) Old {
	if v == nil {
		return Old{}
	}
	return Old{v, o.site, o.inquiry}
}

// As sets a variable to the new form of o, if there is something.
func (o Old) As(dst reflect.Value) {
	if o.Exists() {
		at := o.site
		o.v.As(dst, o.inquiry, &at)
	}
}

// LiveOld is a value of this process, a variable.
type LiveOld struct{ reflect.Value }

// Variable returns v as something that can be addressed and set.
func Variable[T any](v T) reflect.Value { return reflect.ValueOf(&v).Elem() }

func (o LiveOld) OldType() NamedType { return o.Type() }

func (o LiveOld) Target() Form {
	v := o.Value
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = Unboxed(v.Elem())
	}
	return LiveOld{v}
}

func (o LiveOld) Fields() (names []string) {
	if o.Kind() == reflect.Struct {
		for f := range o.Type().Fields() {
			names = append(names, f.Name)
		}
	}
	return names
}

func (o LiveOld) Field(name string) Form {
	if o.Kind() != reflect.Struct {
		return nil
	}
	f, ok := o.Type().FieldByName(name)
	if !ok || len(f.Index) != 1 {
		return nil
	}
	return LiveOld{Open(o.Value.Field(f.Index[0]))}
}

func (o LiveOld) Len() int {
	switch o.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return o.Value.Len()
	}
	return 0
}

func (o LiveOld) Index(i int) Form {
	if k := o.Kind(); k != reflect.Slice && k != reflect.Array || i < 0 || i >= o.Value.Len() {
		return nil
	}
	return LiveOld{o.Value.Index(i)}
}

func (o LiveOld) All(yield func(key, elem Form) bool) {
	switch o.Kind() {
	case reflect.Map:
		for entries := o.MapRange(); entries.Next(); {
			if !yield(LiveOld{Unboxed(entries.Key())}, LiveOld{Unboxed(entries.Value())}) {
				return
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range o.Value.Len() {
			if !yield(LiveOld{Variable(i)}, LiveOld{o.Value.Index(i)}) {
				return
			}
		}
	}
}

func (o LiveOld) As(dst reflect.Value, in *Inquiry, at *Site) {
	to := dst.Type()
	in.plans.Learn(to)
	src := o.Value
	if to.Kind() != reflect.Pointer && to.Kind() != reflect.Interface {
		if target, ok := o.Target().(LiveOld); ok {
			src = target.Value
		}
	}
	NewCopier(in.plans, in.Lost, in.Step).Run(dst, src, in.plans.Plan(src.Type(), to), at, true)
}
