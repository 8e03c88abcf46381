package source

import (
	"regexp"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/partial"
)

// routePair is a live route and the registration that it comes from.
type routePair struct {
	was manifest.Route
	is  *Route
}

// patternless finds the live routes of registrations whose pattern is not known, and returns those
// of which the handler has another signature now. routes are the live routes that no registration
// with a known pattern makes.
//
// What is known of a pattern rules out the live routes that do not fit it, and tells which one it
// is where only one does. Otherwise the handler's name tells. Function literals have only numbers
// for names, which shift: those of one function are matched in their order. What is left is matched
// by line.
//
// Where nothing of a pattern is known, a registration whose handler was changed looks like one that
// was removed next to one that was added instead. It counts as the former: a restart
// too many does less harm than one too few.
func patternless(routes []manifest.Route, unknown []Unknown) []routePair {
	was, is := spots{}, spots{}
	for _, r := range routes {
		s := was.of(r)
		s.live = append(s.live, r)
	}
	for _, u := range unknown {
		if r := u.Route; r != nil {
			s := is.of(r.Route)
			s.now, s.like = append(s.now, r), append(s.like, strings.Split(r.Pattern, partial.Gap))
		}
	}
	m := matching{was: was.all, is: is.all}
	for _, list := range [][]*spot{m.was, m.is} {
		slices.SortStableFunc(list, func(a, b *spot) int { return lineOf(a.Position).Compare(lineOf(b.Position)) })
	}
	m.byPattern()
	for _, key := range []func(*spot) string{byName, byOwner, byLines(m.was, m.is)} {
		m.by(key)
	}
	slices.SortStableFunc(m.pairs, func(a, b routePair) int { return a.is.Position.Compare(b.is.Position) })
	return m.pairs
}

// spot is a line where routes with the same handler are registered: a loop makes several.
type spot struct {
	manifest.Route                  // the first one
	live           []manifest.Route // what it made
	now            []*Route         // what it makes
	like           []partial.Text   // what is known of the patterns of those
}

// spots are those of the code before the edit, or after it.
type spots struct {
	all []*spot
	at  map[manifest.Route]*spot // by what the routes of one have in common
}

// of returns the spot that a route belongs to.
func (l *spots) of(r manifest.Route) *spot {
	key := manifest.Route{
		Method: r.Method, Mount: r.Mount, Handler: r.Handler, Fingerprint: r.Fingerprint, Position: lineOf(r.Position),
	}
	if l.at == nil {
		l.at = map[manifest.Route]*spot{}
	}
	s := l.at[key]
	if s == nil {
		s = &spot{Route: r}
		l.at[key], l.all = s, append(l.all, s)
	}
	return s
}

// pair returns a live route of was and what is may make of it; ok is false if what is known of the
// patterns rules that out.
func pair(was, is *spot) (p routePair, ok bool) {
	if was.Method != is.Method || was.Mount != is.Mount {
		return routePair{}, false
	}
	for _, w := range was.live {
		for i, r := range is.now {
			if is.like[i].Fits(w.Pattern) {
				return routePair{w, r}, true
			}
		}
	}
	return routePair{}, false
}

// broken reports whether a mistake is part of what the spot makes.
func (s *spot) broken() bool {
	return slices.ContainsFunc(s.now, func(r *Route) bool { return r.Broken })
}

func fit(was, is *spot) bool {
	_, ok := pair(was, is)
	return ok
}

// matching matches spots, and removes those that it is done with.
type matching struct {
	was, is []*spot
	pairs   []routePair
}

// same notes that two spots are one registration.
func (m *matching) same(was, is *spot) {
	p, ok := pair(was, is)
	if ok && !is.broken() && was.Fingerprint != is.Fingerprint {
		m.pairs = append(m.pairs, p)
	}
}

// byPattern matches spots that fit each other and none else, going by patterns that say more than
// where slashes are.
func (m *matching) byPattern() {
	fitting, done := map[*spot][]*spot{}, map[*spot]bool{}
	var telling []*spot
	for _, is := range m.is {
		if !slices.ContainsFunc(is.like, partial.Text.Telling) {
			continue
		}
		telling = append(telling, is)
		for _, was := range m.was {
			if fit(was, is) {
				fitting[is], fitting[was] = append(fitting[is], was), append(fitting[was], is)
			}
		}
	}
	only := func(s *spot) *spot { // the one that fits
		left := slices.DeleteFunc(slices.Clone(fitting[s]), func(o *spot) bool { return done[o] })
		if len(left) != 1 {
			return nil
		}
		return left[0]
	}
	for again := true; again; {
		again = false
		for _, is := range telling {
			if was := only(is); !done[is] && was != nil && only(was) == is {
				m.same(was, is)
				done[was], done[is], again = true, true, true
			}
		}
	}
	m.drop(func(s *spot) bool { return done[s] })
}

// drop removes spots.
func (m *matching) drop(done func(*spot) bool) {
	m.was, m.is = slices.DeleteFunc(slices.Clone(m.was), done), slices.DeleteFunc(slices.Clone(m.is), done)
}

func lineOf(p manifest.Position) manifest.Position {
	return manifest.Position{File: p.File, Line: p.Line}
}

// literalName is the end of the name of a function literal. Where the compiler copied the function
// around it into a caller, the name begins with that one's:
// handlers.AnvilRegisterRoutes.func2.health.1.
var literalName = regexp.MustCompile(`^(?:.*?\.)?([^.]+)(?:\.func\d+|\.\d+)+$`)

// byName groups by the handler's name, if it has one.
func byName(s *spot) string {
	if literalName.MatchString(s.Handler) {
		return ""
	}
	return s.Handler
}

// byOwner groups by the function that a literal is in.
func byOwner(s *spot) string {
	m := literalName.FindStringSubmatch(strings.ReplaceAll(s.Handler, "[...]", ""))
	if m == nil {
		return ""
	}
	return s.Position.File + " " + m[1]
}

// byLines groups by the line, in files where all lines are still the same.
func byLines(was, is []*spot) func(*spot) string {
	lines := func(spots []*spot) map[string][]int { // in order, each once
		files := map[string][]int{}
		for _, s := range spots {
			l := files[s.Position.File]
			if len(l) == 0 || l[len(l)-1] != s.Position.Line {
				files[s.Position.File] = append(l, s.Position.Line)
			}
		}
		return files
	}
	before, after := lines(was), lines(is)
	return func(s *spot) string {
		if !slices.Equal(before[s.Position.File], after[s.Position.File]) {
			return ""
		}
		return lineOf(s.Position).String()
	}
}

// by matches spots of the same key, method and kind, in order.
func (m *matching) by(key func(*spot) string) {
	slot := func(s *spot) string {
		k := key(s)
		if k != "" {
			k = manifest.Slot{Method: s.Method, Pattern: k, Mount: s.Mount}.String()
		}
		return k
	}
	was, is := map[string][]*spot{}, map[string][]*spot{}
	for _, s := range m.was {
		was[slot(s)] = append(was[slot(s)], s)
	}
	for _, s := range m.is {
		is[slot(s)] = append(is[slot(s)], s)
	}
	delete(was, "")
	for _, s := range m.is { // in order
		if k := slot(s); is[k][0] == s && len(was[k]) > 0 {
			m.align(was[k], is[k])
		}
	}
	m.drop(func(s *spot) bool { return len(was[slot(s)]) > 0 && len(is[slot(s)]) > 0 })
}

// The cost of differences between the registrations before and after an edit: one that is changed
// costs less than one that is removed next to one that is added, so that these are only seen where
// they stand apart.
const (
	costChanged = 3
	costMissing = 2
)

// align finds the smallest edit that makes one list of spots of the other, and notes those that are
// the same registration. A group with mistakes in it tells nothing.
func (m *matching) align(was, is []*spot) {
	if slices.ContainsFunc(is, (*spot).broken) {
		return
	}
	change := func(w, s *spot) (cost int, ok bool) {
		if !fit(w, s) {
			return 0, false
		}
		if w.Fingerprint != s.Fingerprint {
			cost = costChanged
		}
		return cost, true
	}
	// cost[i][j] is that of the edit which makes is[j:] of was[i:].
	cost := make([][]int, len(was)+1)
	for i := range cost {
		cost[i] = make([]int, len(is)+1)
	}
	for i := len(was); i >= 0; i-- {
		for j := len(is); j >= 0; j-- {
			switch {
			case i == len(was):
				cost[i][j] = (len(is) - j) * costMissing
			case j == len(is):
				cost[i][j] = (len(was) - i) * costMissing
			default:
				cost[i][j] = min(cost[i+1][j], cost[i][j+1]) + costMissing
				if c, ok := change(was[i], is[j]); ok {
					cost[i][j] = min(cost[i][j], c+cost[i+1][j+1])
				}
			}
		}
	}
	for i, j := 0, 0; i < len(was) && j < len(is); {
		c, ok := change(was[i], is[j])
		switch {
		case ok && cost[i][j] == c+cost[i+1][j+1]:
			m.same(was[i], is[j])
			i, j = i+1, j+1
		case cost[i][j] == costMissing+cost[i+1][j]:
			i++
		default:
			j++
		}
	}
}
