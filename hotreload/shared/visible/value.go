package visible

import (
	"reflect"
	"slices"
)

// Of returns a copy of a value in which every string is fit to be shown, at
// whatever depth: in exported fields, slices, maps and behind pointers. So what
// shows a value has one place to think of this, and a field that is added later
// cannot be forgotten. The value itself is not changed.
//
// Strings have one line, but for those in fields with a name of several, and
// below them. Bytes and what is not exported stay as they are.
func Of[T any](v T, several ...string) T {
	var out T
	reflect.ValueOf(&out).Elem().Set(clean(reflect.ValueOf(&v).Elem(), false, several))
	return out
}

// clean returns a value to put in place of v, which is not changed.
func clean(v reflect.Value, text bool, several []string) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		show := Line
		if text {
			show = Text
		}
		return reflect.ValueOf(show(v.String())).Convert(v.Type())
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(clean(v.Elem(), text, several))
		return out
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type()).Elem()
		out.Set(clean(v.Elem(), text, several))
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				out.Field(i).Set(clean(v.Field(i), text || slices.Contains(several, f.Name), several))
			}
		}
		return out
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(clean(v.Index(i), text, several))
		}
		return out
	case reflect.Array:
		out := reflect.New(v.Type()).Elem()
		for i := range v.Len() {
			out.Index(i).Set(clean(v.Index(i), text, several))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for key, value := range v.Seq2() {
			out.SetMapIndex(clean(key, text, several), clean(value, text, several))
		}
		return out
	}
	return v
}
