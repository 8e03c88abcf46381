package shape

import (
	"reflect"
	"slices"
	"strings"
)

// briefly returns short wordings of what was found: of all of it, if that is
// little, and of the first difference.
func (d *difference) briefly() []string {
	if text := d.briefLists(); text != "" {
		return []string{text}
	}
	var out []string
	switch len(d.short) {
	case 0:
		return nil
	case 1:
		out = d.short
	case 2:
		out = []string{strings.Join(d.short, ", "), d.short[0] + ", …"}
	default:
		out = []string{d.short[0] + ", …"}
	}
	if d.where != "" {
		out = append(slices.Clone(out), d.where)
	}
	return out
}

// called is the usual name of a part of a handler: the second parameter is its
// input.
func (p location) called() string {
	switch p.part {
	case "parameter 2":
		return "input"
	case "result 1":
		return "result"
	}
	return p.part
}

// where says where in a handler a location is; empty if it is all of it.
func (p location) where() string {
	switch part := p.called(); {
	case p.member != "" && part != "":
		return p.member + " of the " + part
	case part != "":
		return "another " + part
	default:
		return p.member
	}
}

// brief says what is different at a location, in few words.
func (p location) brief(text string) string {
	part := p.called()
	switch {
	case p.member == "" && part == "":
		return text
	case p.member == "":
		return part + " " + text
	case part == "":
		return p.member + " " + text
	case text == "is new":
		return part + " gets " + p.member
	case text == "is gone":
		return part + " loses " + p.member
	}
	return part + ", " + p.member + " " + text
}

// briefLists says which one parameter or result a function has more or less;
// empty if it is another difference.
func (d *difference) briefLists() string {
	was, is := d.was.resolve(d.was.root), d.is.resolve(d.is.root)
	old, now := was.structure, is.structure
	if !was.alike(is) || old.Kind != reflect.Func || old.Variadic != now.Variadic {
		return ""
	}
	same := func(a, b []Type) bool {
		return slices.EqualFunc(a, b, func(a, b Type) bool { return d.equal(a, b, map[[2]*syntaxType]bool{}) })
	}
	switch {
	case same(old.In, now.In):
		return d.oneMore(old.Out, now.Out, "result", same)
	case same(old.Out, now.Out):
		return d.oneMore(old.In, now.In, "parameter", same)
	}
	return ""
}

// oneMore says which type one list has more than the other, if it is one.
func (d *difference) oneMore(old, now []Type, what string, same func(a, b []Type) bool) string {
	sign, text, longer, shorter := "+ ", d.is, now, old
	if len(old) > len(now) {
		sign, text, longer, shorter = "− ", d.was, old, now
	}
	if len(longer) != len(shorter)+1 {
		return ""
	}
	for i := range longer {
		less := slices.Delete(slices.Clone(longer), i, i+1)
		if sign == "+ " && same(shorter, less) || sign == "− " && same(less, shorter) {
			return sign + text.brief(longer[i]) + " " + what
		}
	}
	return ""
}
