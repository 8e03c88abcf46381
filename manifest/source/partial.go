package source

import (
	"fmt"
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// partial is what is known of a text: the pieces between what is not known. A
// single piece is the whole text; nothing is known if there are no pieces.
//
// In os.Getenv("BASE")+"/posts" it is "" and "/posts".
type partial []string

// gap stands for what is not known where a partial is written as text.
const gap = "…"

// maxPartial is how long the pieces may be together: what is longer is no
// pattern.
const maxPartial = 1 << 10

// partOf returns what is known of a string.
func partOf(v value) partial {
	if s, ok := text(v); ok && len(s) <= maxPartial {
		return partial{s}
	}
	if u, ok := v.(*unknown); ok {
		return u.like
	}
	return nil
}

// orGap returns the partial in pieces, of which there are two at least unless
// the whole text is known.
func (p partial) orGap() partial {
	if len(p) == 0 {
		return partial{"", ""}
	}
	return p
}

// plus returns what is known of a text followed by another one.
func (p partial) plus(q partial) partial {
	p, q = p.orGap(), q.orGap()
	size := 0
	for _, pieces := range []partial{p, q} {
		for _, piece := range pieces {
			size += len(piece)
		}
	}
	if size > maxPartial {
		return nil
	}
	last := len(p) - 1
	sum := make(partial, 0, len(p)+len(q)-1)
	sum = append(append(sum, p[:last]...), p[last]+q[0])
	return append(sum, q[1:]...).compact()
}

// compact removes empty pieces in the middle: two gaps beside each other are
// one.
func (p partial) compact() partial {
	out := p[:0:0]
	for i, piece := range p {
		if piece != "" || i == 0 || i == len(p)-1 {
			out = append(out, piece)
		}
	}
	return out
}

// either returns what is known of a text that is one of two: how both begin and
// how both end.
func (p partial) either(q partial) partial {
	p, q = p.orGap(), q.orGap()
	a, b := p[0], q[0]
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	begin := a[:n]
	// What a whole text begins with is not counted as its end too.
	a, b = p[len(p)-1], q[len(q)-1]
	if len(p) == 1 {
		a = a[n:]
	}
	if len(q) == 1 {
		b = b[n:]
	}
	m := 0
	for m < min(len(a), len(b)) && a[len(a)-1-m] == b[len(b)-1-m] {
		m++
	}
	return partial{begin, a[len(a)-m:]}
}

// fits reports whether a text may be the one that the partial is about.
func (p partial) fits(text string) bool {
	if len(p) == 0 {
		return true
	}
	if len(p) == 1 {
		return p[0] == text
	}
	text, ok := strings.CutPrefix(text, p[0])
	if !ok {
		return false
	}
	last := len(p) - 1
	if text, ok = strings.CutSuffix(text, p[last]); !ok {
		return false
	}
	for _, piece := range p[1:last] {
		if _, text, ok = strings.Cut(text, piece); !ok {
			return false
		}
	}
	return true
}

// trimmed returns what is known of the text without slashes at its end.
func (p partial) trimmed() partial {
	if len(p) == 0 {
		return nil
	}
	p = slices.Clone(p)
	p[len(p)-1] = strings.TrimRight(p[len(p)-1], "/")
	return p
}

// telling reports whether the partial says more than where slashes are.
func (p partial) telling() bool {
	return strings.Trim(strings.Join(p, ""), "/") != ""
}

// String writes what is not known as an ellipsis.
func (p partial) String() string { return strings.Join(p.orGap(), gap) }

// isString reports whether the values of a type are texts.
func isString(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsString != 0
}

// partialOf returns what is known of the result of a library function that makes
// one text of several, where some of its arguments are not known.
func (ev *evaluator) partialOf(name string, args []value) partial {
	switch name {
	case "fmt.Sprint":
		if len(args) == 1 {
			return ev.printed(listed(args[0]))
		}
	case "fmt.Sprintf":
		if len(args) == 2 {
			if format, ok := text(args[0]); ok {
				return ev.formatted(format, listed(args[1]))
			}
		}
	case "strings.Join":
		if len(args) == 2 {
			return joinedBy(listed(args[0]), partOf(args[1]))
		}
	case "path.Join":
		if len(args) == 1 {
			return pathOfParts(listed(args[0]))
		}
	}
	return nil
}

// listed returns the elements of a slice; nil if not all of them are known to be
// there.
func listed(v value) []value {
	if l, ok := v.(*list); ok && !l.open {
		return valuesOf(l.elems)
	}
	return nil
}

func joinedBy(parts []value, by partial) partial {
	var all partial
	for i, v := range parts {
		switch part := partOf(v); i {
		case 0:
			all = part
		default:
			all = all.plus(by).plus(part)
		}
	}
	return all
}

// pathOfParts is what is known of path.Join: a part that is not known may be
// empty, so that slashes beside it are not certain.
func pathOfParts(parts []value) partial {
	if len(parts) == 0 {
		return nil
	}
	ends := partial{"", ""}
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
func (ev *evaluator) printed(args []value) partial {
	out := partial{""}
	for i, v := range args {
		if i > 0 && !isString(v.typ()) && !isString(args[i-1].typ()) {
			if types.IsInterface(v.typ()) || types.IsInterface(args[i-1].typ()) {
				return out.plus(nil) // there may be a space or not
			}
			out = out.plus(partial{" "})
		}
		out = out.plus(ev.formattedBy("%v", v))
	}
	return out
}

// formatted is what is known of fmt.Sprintf.
func (ev *evaluator) formatted(format string, args []value) partial {
	out := partial{""}
	for format != "" {
		plain, verb, ok := strings.Cut(format, "%")
		out = out.plus(partial{plain})
		if !ok {
			break
		}
		n := strings.IndexFunc(verb, func(r rune) bool { return !strings.ContainsRune("+-# 0123456789.", r) })
		switch {
		case n == 0 && verb[0] == '%':
			out, format = out.plus(partial{"%"}), verb[1:]
			continue
		case n < 0 || strings.ContainsRune("[*", rune(verb[n])) || verb[n] >= 0x80 || len(args) == 0:
			return out.plus(nil) // from here on it is not followed
		}
		out = out.plus(ev.formattedBy("%"+verb[:n+1], args[0]))
		args, format = args[1:], verb[n+1:]
	}
	if len(args) > 0 {
		return out.plus(nil) // what is left over is added at the end
	}
	return out
}

// formattedBy is what one verb makes of a value.
func (ev *evaluator) formattedBy(verb string, v value) partial {
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
			return partial{fmt.Sprintf(verb, s)}
		}
	}
	switch v := v.(type) {
	case *basic:
		plain := &basic{base{v.t.Underlying(), v.at}, v.val} // its methods do not count
		if x, ok := native(plain, reflect.TypeFor[any]()); ok {
			return partial{fmt.Sprintf(verb, x.Interface())}
		}
	case *unknown:
		if verb == "%s" || verb == "%v" {
			return v.like
		}
	}
	return nil
}

// formatter returns the method by which values of a type format themselves, and
// the way to the embedded field that has it.
func formatter(t types.Type) (m *types.Func, index []int) {
	for _, name := range []string{"Error", "String"} {
		obj, index, _ := types.LookupFieldOrMethod(t, false, nil, name)
		if m, ok := obj.(*types.Func); ok && m.Signature().Params().Len() == 0 && m.Signature().Results().Len() == 1 && isString(m.Signature().Results().At(0).Type()) {
			return m, index[:len(index)-1]
		}
	}
	return nil, nil
}
