package shape

import (
	"fmt"
	"path"
	"reflect"
	"strings"
)

// brief returns a type in the notation of Go, without what is inside structs,
// interfaces and hot types.
func (s syntaxTree) brief(t Type) string {
	text := s.resolve(t)
	switch {
	case text.name.Name != "":
		return s.briefName(text.name)
	case text.hot && s.within:
		return elided
	}
	s.within = s.within || text.hot
	switch st := text.structure; st.Kind {
	case reflect.Pointer:
		return "*" + s.brief(st.Elem)
	case reflect.Slice:
		return "[]" + s.brief(st.Elem)
	case reflect.Array:
		return fmt.Sprintf("[%d]%s", st.Len, s.brief(st.Elem))
	case reflect.Map:
		return "map[" + s.brief(st.Key) + "]" + s.brief(st.Elem)
	case reflect.Chan:
		return st.Dir.String() + " " + s.brief(st.Elem)
	case reflect.Func:
		return s.briefFunc(st)
	case reflect.Struct:
		return "struct" + braces(st.Members)
	case reflect.Interface:
		if len(st.Members) == 0 && !text.hot {
			return "any"
		}
		return "interface" + braces(st.Members)
	default:
		return st.Basic
	}
}

func braces(members []Member) string {
	if len(members) == 0 {
		return "{}"
	}
	return "{" + elided + "}"
}

func (s syntaxTree) briefName(name Name) string {
	short := name.Name
	if name.Path != "" {
		short = path.Base(name.Path) + "." + short
	}
	if len(name.Args) == 0 {
		return short
	}
	return short + "[" + s.briefList(name.Args) + "]"
}

func (s syntaxTree) briefList(types []Type) string {
	list := make([]string, len(types))
	for i, t := range types {
		list[i] = s.brief(t)
	}
	return strings.Join(list, ", ")
}

func (s syntaxTree) briefFunc(st Structure) string {
	in := s.briefList(st.In)
	if st.Variadic {
		last := st.In[len(st.In)-1]
		in = s.briefList(st.In[:len(st.In)-1])
		if in != "" {
			in += ", "
		}
		in += "..." + s.brief(last.Structure().Elem)
	}
	switch out := s.briefList(st.Out); len(st.Out) {
	case 0:
		return "func(" + in + ")"
	case 1:
		return "func(" + in + ") " + out
	default:
		return "func(" + in + ") (" + out + ")"
	}
}
