package eval

import (
	"fmt"
	"go/types"
	"reflect"
	"strings"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/partial"
)

// partOf returns what is known of a string.
func partOf(v value) partial.Text {
	if s, ok := text(v); ok && len(s) <= partial.Max {
		return partial.Text{s}
	}
	if u, ok := v.(*unknown); ok {
		return u.like
	}
	return nil
}

// partialOf returns what is known of the result of a library function that makes one text of
// several, where some of its arguments are not known.
func (ev *evaluator) partialOf(name string, args []value) partial.Text {
	switch {
	case name == "fmt.Sprint" && len(args) == 1:
		return ev.printed(listed(args[0]))
	case name == "fmt.Sprintf" && len(args) == 2:
		if format, ok := text(args[0]); ok {
			return ev.formatted(format, listed(args[1]))
		}
	case name == "strings.Join" && len(args) == 2:
		return joinedBy(listed(args[0]), partOf(args[1]))
	case name == "path.Join" && len(args) == 1:
		return pathOfParts(listed(args[0]))
	}
	return nil
}

// listed returns the elements of a slice; nil if not all of them are known to be there.
func listed(v value) []value {
	if l, ok := v.(*list); ok && !l.open {
		return valuesOf(l.elems)
	}
	return nil
}

func joinedBy(parts []value, by partial.Text) partial.Text {
	var all partial.Text
	for i, v := range parts {
		switch part := partOf(v); i {
		case 0:
			all = part
		default:
			all = all.Plus(by).Plus(part)
		}
	}
	return all
}

// pathOfParts is what is known of path.Join: a part that is not known may be empty, so that slashes
// next to it are not certain.
func pathOfParts(parts []value) partial.Text {
	if len(parts) == 0 {
		return nil
	}
	ends := partial.Text{"", ""}
	if first, ok := text(parts[0]); ok {
		ends[0] = strings.TrimRight(first, "/")
	}
	if last, ok := text(parts[len(parts)-1]); ok {
		ends[1] = strings.Trim(last, "/")
	}
	for _, end := range ends {
		// What path.Clean changes is left alone.
		if strings.Contains(end, "//") || strings.HasPrefix(end, ".") || strings.Contains(end, "/.") {
			return nil
		}
	}
	return ends
}

// printed is what is known of fmt.Sprint.
func (ev *evaluator) printed(args []value) partial.Text {
	out := partial.Text{""}
	for i, v := range args {
		if i > 0 && !gotypes.IsString(v.typ()) && !gotypes.IsString(args[i-1].typ()) {
			if types.IsInterface(v.typ()) || types.IsInterface(args[i-1].typ()) {
				return out.Plus(nil) // there may be a space or not
			}
			out = out.Plus(partial.Text{" "})
		}
		out = out.Plus(ev.formattedBy("%v", v))
	}
	return out
}

// formatted is what is known of fmt.Sprintf.
func (ev *evaluator) formatted(format string, args []value) partial.Text {
	out := partial.Text{""}
	for format != "" {
		plain, verb, ok := strings.Cut(format, "%")
		out = out.Plus(partial.Text{plain})
		if !ok {
			break
		}
		n := strings.IndexFunc(verb, func(r rune) bool { return !strings.ContainsRune("+-# 0123456789.", r) })
		switch {
		case n == 0 && verb[0] == '%':
			out, format = out.Plus(partial.Text{"%"}), verb[1:]
			continue
		case n < 0 || strings.ContainsRune("[*", rune(verb[n])) || verb[n] >= 0x80 || len(args) == 0:
			return out.Plus(nil) // from here on it is not followed
		}
		out = out.Plus(ev.formattedBy("%"+verb[:n+1], args[0]))
		args, format = args[1:], verb[n+1:]
	}
	if len(args) > 0 {
		return out.Plus(nil) // what is left over is added at the end
	}
	return out
}

// formattedBy is what one verb makes of a value.
func (ev *evaluator) formattedBy(verb string, v value) partial.Text {
	if strings.ContainsRune("svqxX", rune(verb[len(verb)-1])) && !types.IsInterface(v.typ()) {
		if m, index := formatter(v.typ()); m != nil {
			if _, null := v.(*null); null {
				return nil
			}
			recv := v
			for _, i := range index {
				recv = ev.field(recv, i)
			}
			s, ok := text(ev.call(ev.method(recv, m, v.origin()), nil, callSite{pos: v.origin(), name: m.Name()}))
			if !ok {
				return nil
			}
			return partial.Text{fmt.Sprintf(verb, s)}
		}
	}
	switch v := v.(type) {
	case *basic:
		plain := &basic{base{v.t.Underlying(), v.at}, v.val} // its methods do not count
		if x, ok := native(plain, reflect.TypeFor[any]()); ok {
			return partial.Text{fmt.Sprintf(verb, x.Interface())}
		}
	case *unknown:
		if verb == "%s" || verb == "%v" {
			return v.like
		}
	}
	return nil
}

// formatter returns the method by which values of a type format themselves, and the way to the
// embedded field that has it.
func formatter(t types.Type) (m *types.Func, index []int) {
	for _, name := range []string{"Error", "String"} {
		obj, index, _ := types.LookupFieldOrMethod(t, false, nil, name)
		m, ok := obj.(*types.Func)
		if !ok || m.Signature().Params().Len() > 0 || m.Signature().Results().Len() != 1 {
			continue
		}
		if gotypes.IsString(m.Signature().Results().At(0).Type()) {
			return m, index[:len(index)-1]
		}
	}
	return nil, nil
}
