package eval

import (
	"fmt"
	"go/constant"
	"go/types"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// pureFunctions holds the functions of the standard library that are called for real when their
// arguments are known: what one writes patterns and tables with. None of them depends on anything
// but its arguments.
var pureFunctions = map[string]any{
	"fmt.Sprint": fmt.Sprint, "fmt.Sprintf": fmt.Sprintf, "net/http.CanonicalHeaderKey": http.CanonicalHeaderKey,
	"net/http.StatusText": http.StatusText, "net/url.JoinPath": url.JoinPath,
	"net/url.PathEscape": url.PathEscape, "net/url.QueryEscape": url.QueryEscape, "path.Base": path.Base,
	"path.Clean": path.Clean, "path.Dir": path.Dir, "path.Ext": path.Ext, "path.Join": path.Join,
	"strconv.FormatBool": strconv.FormatBool, "strconv.FormatInt": strconv.FormatInt,
	"strconv.Itoa": strconv.Itoa, "strconv.Quote": strconv.Quote, "strings.Compare": strings.Compare,
	"strings.Contains": strings.Contains, "strings.Cut": strings.Cut, "strings.CutPrefix": strings.CutPrefix,
	"strings.CutSuffix": strings.CutSuffix, "strings.EqualFold": strings.EqualFold,
	"strings.Fields": strings.Fields, "strings.HasPrefix": strings.HasPrefix,
	"strings.HasSuffix": strings.HasSuffix, "strings.Index": strings.Index, "strings.Join": strings.Join,
	"strings.Repeat": repeat, "strings.Replace": strings.Replace, "strings.ReplaceAll": strings.ReplaceAll,
	"strings.Split": strings.Split, "strings.ToLower": strings.ToLower, "strings.ToUpper": strings.ToUpper,
	"strings.Trim": strings.Trim, "strings.TrimLeft": strings.TrimLeft, "strings.TrimPrefix": strings.TrimPrefix,
	"strings.TrimRight": strings.TrimRight, "strings.TrimSpace": strings.TrimSpace,
	"strings.TrimSuffix": strings.TrimSuffix,
}

// callLibrary calls a function of the library; ok is false if it is none, or an argument is not
// known.
func (ev *evaluator) callLibrary(name string, fn *function, args []value, site callSite) (r value, ok bool) {
	real, ok := pureFunctions[name]
	if !ok {
		return ev.callGeneric(name, args, fn)
	}
	f := reflect.ValueOf(real)
	in := make([]reflect.Value, len(args))
	for i, a := range args {
		if i >= f.Type().NumIn() {
			return nil, false
		}
		v, ok := native(a, f.Type().In(i))
		if !ok {
			return nil, false
		}
		in[i] = v
	}
	if len(in) != f.Type().NumIn() {
		return nil, false
	}
	out := callNative(f, in)
	sig, isSig := fn.t.Underlying().(*types.Signature)
	if !isSig || sig.Results().Len() != len(out) {
		return nil, false
	}
	var values []value
	for i, v := range out {
		back, ok := foreign(v, base{sig.Results().At(i).Type(), site.pos})
		if !ok {
			return nil, false
		}
		values = append(values, back)
	}
	if len(values) == 1 {
		return values[0], true
	}
	return &tuple{base{t: sig.Results()}, values}, true
}

// callNative returns nil if the function panics, as strings.Repeat may.
func callNative(f reflect.Value, in []reflect.Value) (out []reflect.Value) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	if f.Type().IsVariadic() {
		return f.CallSlice(in)
	}
	return f.Call(in)
}

// repeat is strings.Repeat for short strings.
func repeat(s string, count int) string {
	if len(s) > 0 && count > maxString/len(s) {
		panic("too long")
	}
	return strings.Repeat(s, count)
}

// native returns a known value as the Go value that a library function wants.
func native(v value, t reflect.Type) (reflect.Value, bool) {
	if l, ok := v.(*list); ok && t.Kind() == reflect.Slice && !l.open {
		out := reflect.MakeSlice(t, 0, len(l.elems))
		for _, c := range l.elems {
			e, ok := native(c.v, t.Elem())
			if !ok {
				return reflect.Value{}, false
			}
			out = reflect.Append(out, e)
		}
		return out, true
	}
	b, ok := v.(*basic)
	if !ok {
		return reflect.Value{}, false
	}
	if named, ok := types.Unalias(b.t).(*types.Named); ok && named.NumMethods() > 0 && t.Kind() == reflect.Interface {
		return reflect.Value{}, false // it may format itself
	}
	var x any
	switch b.val.Kind() {
	case constant.String:
		x = constant.StringVal(b.val)
	case constant.Bool:
		x = constant.BoolVal(b.val)
	case constant.Int:
		n, ok := number(b)
		if !ok {
			return reflect.Value{}, false
		}
		x = n
	default:
		return reflect.Value{}, false
	}
	r := reflect.ValueOf(x)
	if !r.CanConvert(t) || t.Kind() == reflect.String && r.Kind() != reflect.String {
		return reflect.Value{}, false
	}
	return r.Convert(t), true
}

// foreign returns the result of a library function as a value.
func foreign(v reflect.Value, to base) (value, bool) {
	switch v.Kind() {
	case reflect.String:
		return fitting(&basic{to, constant.MakeString(v.String())}), true
	case reflect.Bool:
		return &basic{to, constant.MakeBool(v.Bool())}, true
	case reflect.Int:
		return &basic{to, constant.MakeInt64(v.Int())}, true
	case reflect.Slice:
		l := &list{base: to}
		for i := range v.Len() {
			e, ok := foreign(v.Index(i), base{elementOf(to.t), to.at})
			if !ok {
				return nil, false
			}
			l.elems = append(l.elems, &cell{e})
		}
		return l, true
	case reflect.Interface:
		if v.IsNil() {
			return &null{to}, true
		}
	}
	return nil, false
}

// callGeneric calls what one iterates over tables with.
func (ev *evaluator) callGeneric(name string, args []value, fn *function) (value, bool) {
	if len(args) == 0 {
		return nil, false
	}
	result := types.Type(types.Typ[types.Invalid])
	if sig, ok := fn.t.Underlying().(*types.Signature); ok && sig.Results().Len() == 1 {
		result = sig.Results().At(0).Type()
	}
	to := base{result, fn.at}
	first := func() (*list, bool) { l, ok := args[0].(*list); return l, ok && !l.open }
	switch name {
	case "cmp.Compare":
		if len(args) == 2 && sortable([]*cell{{args[0]}, {args[1]}}) {
			return &basic{to, constant.MakeInt64(int64(compareConstants(args[0].(*basic).val, args[1].(*basic).val)))}, true
		}
	case "maps.Keys", "maps.Values": // an iterator is kept as the list of what it yields
		if m, ok := args[0].(*table); ok && !m.open {
			out := &list{base: to}
			for _, i := range m.sorted() {
				v := m.elems[i].v
				if name == "maps.Keys" {
					v = m.keys[i]
				}
				out.elems = append(out.elems, &cell{v})
			}
			return out, true
		}
	case "maps.All":
		if m, ok := args[0].(*table); ok && !m.open {
			return m, true
		}
	case "slices.All":
		if l, ok := first(); ok {
			return &list{base: base{l.t, fn.at}, elems: copyCells(l.elems)}, true // its index is kept
		}
	case "slices.Values", "slices.Backward", "slices.Clone", "slices.Collect":
		if l, ok := first(); ok {
			out := &list{base: to, elems: copyCells(l.elems)}
			if name == "slices.Backward" {
				slices.Reverse(out.elems)
			}
			return out, true
		}
	case "slices.Sorted":
		if l, ok := first(); ok && sortable(l.elems) {
			out := &list{base: to, elems: copyCells(l.elems)}
			sortCells(out.elems)
			return out, true
		}
	case "slices.Sort", "sort.Strings":
		l, ok := first()
		if !ok || !sortable(l.elems) {
			return nil, false
		}
		sorted := slices.Clone(l.elems)
		sortCells(sorted)
		for i, v := range valuesOf(sorted) {
			ev.set(l.elems[i], v)
		}
		return &tuple{base: base{t: types.NewTuple()}}, true
	case "sort.Slice", "sort.SliceStable", "slices.SortFunc", "slices.SortStableFunc":
		if l, ok := first(); ok && len(args) == 2 {
			ev.sort(name, l, args[1])
			return &tuple{base: base{t: types.NewTuple()}}, true
		}
	case "slices.Reverse":
		if l, ok := first(); ok {
			reversed := valuesOf(l.elems)
			slices.Reverse(reversed)
			for i, v := range reversed {
				ev.set(l.elems[i], v)
			}
			return &tuple{base: base{t: types.NewTuple()}}, true
		}
	case "slices.Concat":
		l, ok := first()
		if !ok {
			return nil, false
		}
		return ev.append(append([]value{&null{to}}, valuesOf(l.elems)...), true, to), true
	case "maps.Copy":
		return ev.copyMap(args)
	case "maps.Clone":
		if m, ok := args[0].(*table); ok {
			return &table{to, &entries{slices.Clone(m.keys), copyCells(m.elems), m.open}}, true
		}
	}
	return nil, false
}

// maxSorted is how many elements are sorted by a function.
const maxSorted = 100

// sort sorts by a function of the program. Where its answer is not known the order stays as it is:
// what is registered one by one depends on it little.
func (ev *evaluator) sort(name string, l *list, by value) {
	if len(l.elems) > maxSorted {
		return
	}
	index := func(i int) value { return &basic{base{types.Typ[types.Int], l.at}, constant.MakeInt64(int64(i))} }
	before := func(i, j int) bool {
		if strings.HasPrefix(name, "sort.") {
			is, ok := truth(ev.call(by, []value{index(i), index(j)}, callSite{name: "less"}))
			return ok && is
		}
		n, ok := number(ev.call(by, []value{l.elems[i].v, l.elems[j].v}, callSite{name: "cmp"}))
		return ok && n < 0
	}
	ev.aside(func() {
		for i := range l.elems {
			for j := i; j > 0 && before(j, j-1); j-- {
				a, b := l.elems[j], l.elems[j-1]
				x, y := a.v, b.v
				ev.set(a, y)
				ev.set(b, x)
			}
		}
	})
}

// copyMap is maps.Copy.
func (ev *evaluator) copyMap(args []value) (value, bool) {
	to, ok := args[0].(*table)
	if !ok || len(args) != 2 {
		return nil, false
	}
	from, ok := args[1].(*table)
	if !ok {
		_, null := args[1].(*null)
		if !null {
			return nil, false
		}
		from = &table{entries: &entries{}}
	}
	for i, k := range from.keys {
		ev.store(to, k, from.elems[i].v)
	}
	to.open = to.open || from.open
	return &tuple{base: base{t: types.NewTuple()}}, true
}

func valuesOf(cells []*cell) []value {
	out := make([]value, len(cells))
	for i, c := range cells {
		out[i] = c.v
	}
	return out
}

func sortable(cells []*cell) bool {
	return !slices.ContainsFunc(cells, func(c *cell) bool { _, ok := c.v.(*basic); return !ok })
}

func sortCells(cells []*cell) {
	slices.SortStableFunc(cells, func(a, b *cell) int { return compareConstants(a.v.(*basic).val, b.v.(*basic).val) })
}
