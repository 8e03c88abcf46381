package source

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// routePair is a live route and the registration that it comes from.
type routePair struct {
	was manifest.Route
	is  *Route
}

// patternless finds the live routes of registrations whose pattern is not
// known, and returns those of which the handler has another signature now.
// routes are the live routes that no registration with a known pattern makes.
//
// The handler's name tells which is which. Function literals have only numbers
// for names, which shift: those of one function are taken in their order. What
// is left is matched by line. Where that leaves a choice nothing is said: the
// live server compares for itself.
func patternless(routes []manifest.Route, unknown []Unknown) []routePair {
	was := slices.Clone(routes)
	slices.SortStableFunc(was, func(a, b manifest.Route) int { return comparePositions(lineOf(a.Position), lineOf(b.Position)) })
	var is []*Route
	for _, u := range unknown {
		if u.Route != nil {
			is = append(is, u.Route)
		}
	}
	slices.SortStableFunc(is, func(a, b *Route) int { return comparePositions(lineOf(a.Position), lineOf(b.Position)) })

	var found []routePair
	keys := []func(manifest.Route) string{byName, byOwner, byLines(was, is)}
	for _, key := range keys {
		var leftWas []manifest.Route
		var leftIs []*Route
		for _, g := range grouped(was, is, key) {
			if len(g.was) == 0 || len(g.is) == 0 {
				leftWas, leftIs = append(leftWas, g.was...), append(leftIs, g.is...)
				continue
			}
			found = append(found, g.changed()...)
		}
		was, is = leftWas, leftIs
	}
	return found
}

func lineOf(p manifest.Position) manifest.Position {
	return manifest.Position{File: p.File, Line: p.Line}
}

// literalName is the end of the name of a function literal. Where the compiler
// copied the function around it into a caller, the name begins with that one's:
// handlers.AnvilRegisterRoutes.func2.health.1.
var literalName = regexp.MustCompile(`^(?:.*?\.)?([^.]+)(?:\.func\d+|\.\d+)+$`)

// byName groups by the handler's name, if it has one.
func byName(r manifest.Route) string {
	if literalName.MatchString(r.Handler) {
		return ""
	}
	return r.Handler
}

// byOwner groups by the function that a literal is in.
func byOwner(r manifest.Route) string {
	m := literalName.FindStringSubmatch(strings.ReplaceAll(r.Handler, "[...]", ""))
	if m == nil {
		return ""
	}
	return r.Position.File + " " + m[1]
}

// byLines groups by the line, in files where all lines are still the same.
func byLines(was []manifest.Route, is []*Route) func(manifest.Route) string {
	type lines struct{ was, is []int } // in order, each once
	files := map[string]lines{}
	add := func(to []int, line int) []int {
		if n := len(to); n > 0 && to[n-1] == line {
			return to
		}
		return append(to, line)
	}
	for _, r := range was {
		l := files[r.Position.File]
		l.was = add(l.was, r.Position.Line)
		files[r.Position.File] = l
	}
	for _, r := range is {
		l := files[r.Position.File]
		l.is = add(l.is, r.Position.Line)
		files[r.Position.File] = l
	}
	return func(r manifest.Route) string {
		if l := files[r.Position.File]; !slices.Equal(l.was, l.is) {
			return ""
		}
		return lineOf(r.Position).String()
	}
}

// routeGroup are routes among which registrations are matched, in order.
type routeGroup struct {
	key string
	was []manifest.Route
	is  []*Route
}

// grouped puts routes of the same method and kind under their keys, sorted. Without a key
// a route is alone.
func grouped(was []manifest.Route, is []*Route, key func(manifest.Route) string) []routeGroup {
	var groups []routeGroup
	of := func(r manifest.Route) *routeGroup {
		k := key(r)
		i := -1
		if k != "" {
			k = manifest.Slot{Method: r.Method, Pattern: k, Mount: r.Mount}.String()
			i = slices.IndexFunc(groups, func(g routeGroup) bool { return g.key == k })
		}
		if i < 0 {
			i, groups = len(groups), append(groups, routeGroup{key: k})
		}
		return &groups[i]
	}
	for _, r := range was {
		g := of(r)
		g.was = append(g.was, r)
	}
	for _, r := range is {
		g := of(r.Route)
		g.is = append(g.is, r)
	}
	slices.SortStableFunc(groups, func(a, b routeGroup) int { return cmp.Compare(a.key, b.key) })
	return groups
}

// changed matches the routes of a group one to one, and returns the pairs that
// differ. A loop makes several routes of one registration.
func (g routeGroup) changed() []routePair {
	was, is := g.was, g.is
	if slices.ContainsFunc(is, func(r *Route) bool { return r.Broken }) {
		return nil
	}
	restWas, restIs := withoutEqual(was, is)
	switch {
	case len(restWas) == 0 || len(restIs) == 0:
		return nil // all are there, in another order perhaps
	case len(was) == len(is):
		var pairs []routePair
		for i := range was {
			if was[i].Fingerprint != is[i].Fingerprint {
				pairs = append(pairs, routePair{was[i], is[i]})
			}
		}
		return pairs
	case alike(restWas, func(r manifest.Route) string { return r.Fingerprint }) && alike(restIs, func(r *Route) string { return r.Fingerprint }):
		return []routePair{{restWas[0], restIs[0]}}
	}
	return nil
}

// withoutEqual removes routes with equal fingerprints, one from each list.
func withoutEqual(was []manifest.Route, is []*Route) ([]manifest.Route, []*Route) {
	is = slices.Clone(is)
	var rest []manifest.Route
	for _, w := range was {
		if i := slices.IndexFunc(is, func(r *Route) bool { return r.Fingerprint == w.Fingerprint }); i >= 0 {
			is = slices.Delete(is, i, i+1)
		} else {
			rest = append(rest, w)
		}
	}
	return rest, is
}

func alike[T any](list []T, of func(T) string) bool {
	return !slices.ContainsFunc(list, func(v T) bool { return of(v) != of(list[0]) })
}
