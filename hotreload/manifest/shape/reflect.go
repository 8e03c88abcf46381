package shape

import (
	"reflect"
	"strings"
)

// Reflected is a type as reflection knows it.
type Reflected struct{ T reflect.Type }

func (r Reflected) Named() (Name, bool) {
	t := r.T
	switch {
	case t.Name() == "":
		return Name{}, false
	case t.PkgPath() == "" || t.Kind() == reflect.UnsafePointer && t.PkgPath() == "unsafe":
		return Name{Name: t.String()}, true
	}
	// Not t.Name, which is misled by brackets in struct tags.
	_, text, _ := strings.Cut(t.String(), ".")
	name := Name{Path: t.PkgPath(), Name: text, Identity: t}
	if base, args, generic := strings.Cut(text, "["); generic {
		name.Name = base
		name.Args = append(name.Args, parseTypes(strings.TrimSuffix(args, "]"))...)
	}
	return name, true
}

func (r Reflected) Structure() Structure {
	t := r.T
	s := Structure{Kind: t.Kind()}
	switch t.Kind() {
	case reflect.Array:
		s.Len, s.Elem = t.Len(), Reflected{t.Elem()}
	case reflect.Chan:
		s.Dir, s.Elem = t.ChanDir(), Reflected{t.Elem()}
	case reflect.Map:
		s.Key, s.Elem = Reflected{t.Key()}, Reflected{t.Elem()}
	case reflect.Pointer, reflect.Slice:
		s.Elem = Reflected{t.Elem()}
	case reflect.Func:
		s.Variadic = t.IsVariadic()
		for in := range t.Ins() {
			s.In = append(s.In, Reflected{in})
		}
		for out := range t.Outs() {
			s.Out = append(s.Out, Reflected{out})
		}
	case reflect.Struct:
		for f := range t.Fields() {
			s.Members = append(s.Members, Member{
				Path: f.PkgPath, Name: f.Name, Type: Reflected{f.Type}, Tag: string(f.Tag), Embedded: f.Anonymous,
			})
		}
	case reflect.Interface:
		for m := range t.Methods() {
			s.Members = append(s.Members, Member{Path: m.PkgPath, Name: m.Name, Type: Reflected{m.Type}})
		}
	default:
		s.Basic = t.Kind().String()
	}
	return s
}
