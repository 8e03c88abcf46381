package shape

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Describe says in which fields, parameters, results or methods two
// shapes differ, for a message to the person who edited the source:
//
//	parameter 2: field Page was string and is int, field Limit is new
//
// It returns nothing for shapes that are equal or were not made by Reflector. A
// shape has no names of hot types, so that these are shown by what they are.
func Describe(before, after string) string {
	all, _ := Differences(before, after)
	return all
}

// Differences is Describe, with shorter wordings of it: the longest
// first, the last of which tells of one difference only.
func Differences(before, after string) (all string, brief []string) {
	was, ok := parse(before)
	is, fine := parse(after)
	if !ok || !fine || before == after {
		return "", nil
	}
	d := difference{was: was, is: is, seen: map[[2]*syntaxType]bool{}}
	d.compare(location{}, was.root, is.root)
	return strings.Join(d.all, ", "), d.briefly()
}

// maxDifferences is how many differences are listed.
const maxDifferences = 6

type difference struct {
	was, is syntaxTree
	seen    map[[2]*syntaxType]bool // pairs of hot types that were compared
	all     []string
	short   []string // the same in fewer words
	where   string   // where the first is
	part    string   // part of the function that was last named
}

// location is where in a type a difference is.
type location struct {
	part   string // "parameter 2"
	member string // "field Author.Name"
}

func (p location) in(kind, name string) location {
	if p.member == "" {
		p.member = kind + " " + name
	} else {
		p.member += "." + name
	}
	return p
}

func (d *difference) report(p location, format string, args ...any) {
	switch len(d.all) {
	case maxDifferences:
		d.all = append(d.all, "and more")
		return
	case maxDifferences + 1:
		return
	}
	text := fmt.Sprintf(format, args...)
	subject := p.member
	switch {
	case p.part == "" && subject == "":
		subject = "it"
	case subject == "":
		subject = p.part
	case p.part != d.part:
		subject = p.part + ": " + subject
	}
	d.part = p.part
	d.all = append(d.all, subject+" "+text)
	if d.short = append(d.short, p.brief(text)); d.where == "" {
		d.where = p.where()
	}
}

// compare reports the differences of two types.
func (d *difference) compare(p location, before, after Type) {
	was, is := d.was.resolve(before), d.is.resolve(after)
	if len(d.all) > maxDifferences || d.equal(was, is, map[[2]*syntaxType]bool{}) {
		return
	}
	if was.hot && is.hot {
		pair := [2]*syntaxType{was, is}
		if d.seen[pair] {
			return
		}
		d.seen[pair] = true
	}
	old, now := was.structure, is.structure
	switch {
	case !was.alike(is):
		d.replaced(p, was, is)
	case old.Kind == reflect.Struct:
		d.fields(p, old.Members, now.Members)
	case old.Kind == reflect.Interface:
		d.members(p, "method", old.Members, now.Members)
	case old.Kind == reflect.Func && old.Variadic == now.Variadic &&
		len(old.In) == len(now.In) && len(old.Out) == len(now.Out):
		d.parts(p, "parameter", old.In, now.In)
		d.parts(p, "result", old.Out, now.Out)
	case old.Elem != nil && d.deeper(old, now):
		d.compare(p, old.Elem, now.Elem)
	default:
		d.replaced(p, was, is)
	}
}

// alike reports whether two types are of the same sort, so that what differs is
// inside.
func (t *syntaxType) alike(other *syntaxType) bool {
	return t.hot == other.hot && t.structure.Kind == other.structure.Kind && t.structure.Kind != reflect.Invalid &&
		t.name.Path == other.name.Path && t.name.Name == other.name.Name
}

// deeper reports whether two types with elements differ in the members of these.
func (d *difference) deeper(old, now Structure) bool {
	if old.Len != now.Len || old.Dir != now.Dir ||
		old.Key != nil && !d.equal(old.Key, now.Key, map[[2]*syntaxType]bool{}) {
		return false
	}
	was, is := d.was.resolve(old.Elem), d.is.resolve(now.Elem)
	if !was.alike(is) {
		return false
	}
	return slices.Contains([]reflect.Kind{reflect.Struct, reflect.Interface, reflect.Func}, was.structure.Kind) ||
		was.structure.Elem != nil && !was.hot && d.deeper(was.structure, is.structure)
}

func (d *difference) replaced(p location, was, is *syntaxType) {
	switch old, now := d.was.brief(was), d.is.brief(is); {
	case was.hot && is.fixed():
		d.report(p, "was %s of a hot package and is %s of a host package", old, now)
	case was.fixed() && is.hot:
		d.report(p, "was %s of a host package and is %s of a hot package", old, now)
	case old == now:
		d.report(p, "has another structure")
	default:
		d.report(p, "was %s and is %s", old, now)
	}
}

// fixed reports that a type is that of a host package.
func (t *syntaxType) fixed() bool { return !t.hot && t.name.Path != "" }

func (d *difference) parts(p location, kind string, old, now []Type) {
	for i := range old {
		if p.member == "" && p.part == "" {
			d.compare(location{part: fmt.Sprintf("%s %d", kind, i+1)}, old[i], now[i])
		} else {
			d.compare(p.in(kind, fmt.Sprintf("%s %d", kind, i+1)), old[i], now[i])
		}
	}
}

func (d *difference) fields(p location, old, now []Member) {
	count := len(d.all)
	d.members(p, "field", old, now)
	if len(d.all) == count && !slices.EqualFunc(old, now, Member.sameName) {
		d.report(p, "has its fields in another order")
	}
}

// members compares fields or methods by name.
func (d *difference) members(p location, kind string, old, now []Member) {
	for _, is := range now {
		i := slices.IndexFunc(old, is.sameName)
		at := p.in(kind, is.Name)
		if i < 0 {
			d.report(at, "is new")
			continue
		}
		was := old[i]
		d.compare(at, was.Type, is.Type)
		if was.Embedded != is.Embedded {
			d.report(at, "%s", map[bool]string{true: "is embedded now", false: "is no longer embedded"}[is.Embedded])
		}
		if was.Tag != is.Tag {
			d.report(at, "had tag %q and has %q", was.Tag, is.Tag)
		}
	}
	for _, was := range old {
		if !slices.ContainsFunc(now, was.sameName) {
			d.report(p.in(kind, was.Name), "is gone")
		}
	}
}

func (m Member) sameName(other Member) bool {
	return m.Name == other.Name && m.Path == other.Path
}

// equal compares two types; pairs of hot types that are being compared count as
// equal.
func (d *difference) equal(before, after Type, pending map[[2]*syntaxType]bool) bool {
	was, is := d.was.resolve(before), d.is.resolve(after)
	pair := [2]*syntaxType{was, is}
	if pending[pair] {
		return true
	}
	if was.hot {
		pending[pair] = true
	}
	same := func(a, b Type) bool {
		return a == nil && b == nil || a != nil && b != nil && d.equal(a, b, pending)
	}
	a, b := was.structure, is.structure
	return was.hot == is.hot && was.name.Path == is.name.Path && was.name.Name == is.name.Name &&
		slices.EqualFunc(was.name.Args, is.name.Args, same) &&
		a.Kind == b.Kind && a.Basic == b.Basic && a.Len == b.Len && a.Dir == b.Dir && a.Variadic == b.Variadic &&
		same(a.Key, b.Key) && same(a.Elem, b.Elem) &&
		slices.EqualFunc(a.In, b.In, same) && slices.EqualFunc(a.Out, b.Out, same) &&
		slices.EqualFunc(a.Members, b.Members, func(m, n Member) bool {
			return m.sameName(n) && m.Tag == n.Tag && m.Embedded == n.Embedded && same(m.Type, n.Type)
		})
}
