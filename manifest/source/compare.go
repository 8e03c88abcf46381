package source

import (
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// Compare says what differs between the manifest that is live and a report in a
// way that matters: routes whose handlers have another signature (ANV001), and
// keyed state whose type has another structure (ANV005). hot are the hot packages of
// the report. The result is sorted.
//
// A route that is registered more than once, under different conditions, is
// compared with the one that fits best: which of them it will be is not known.
func Compare(last *manifest.Manifest, r *Report, hot []string) []manifest.Diagnostic {
	c := comparison{moved: moved(last.Hot, hot)}
	var found []manifest.Diagnostic
	routes := map[manifest.RouteKey][]*Route{}
	for i := range r.Routes {
		route := &r.Routes[i]
		routes[route.Key()] = append(routes[route.Key()], route)
	}
	lived := slices.Clone(last.Routes)
	for i := range lived {
		lived[i].Position = r.Place(lived[i].Position)
	}
	for _, was := range lived {
		now := routes[was.Key()]
		if len(now) > 0 && !slices.ContainsFunc(now, func(r *Route) bool { return r.Broken || r.Fingerprint == was.Fingerprint }) {
			found = append(found, c.route(was, likeliest(was, now)))
		}
	}
	// The live manifest knows the patterns that the source does not tell.
	unclaimed := slices.DeleteFunc(slices.Clone(lived), func(was manifest.Route) bool { return len(routes[was.Key()]) > 0 })
	for _, pair := range patternless(unclaimed, r.Unknown) {
		is := *pair.is
		is.Pattern = pair.was.Pattern
		found = append(found, c.route(pair.was, &is))
	}
	states := map[string][]*State{}
	for i := range r.State {
		states[r.State[i].Key] = append(states[r.State[i].Key], &r.State[i])
	}
	for _, was := range last.State {
		now := states[was.Key]
		if len(now) > 0 && !slices.ContainsFunc(now, func(s *State) bool { return s.Fingerprint == was.Fingerprint }) {
			found = append(found, c.state(was, now[0]))
		}
	}
	manifest.SortDiagnostics(found)
	return found
}

// likeliest returns the one of several registrations that was live.
func likeliest(was manifest.Route, now []*Route) *Route {
	for _, like := range []func(*Route) bool{
		func(r *Route) bool { return r.Handler == was.Handler },
		func(r *Route) bool { return r.Kind == was.Kind },
		func(r *Route) bool { return !r.Conditional },
	} {
		if i := slices.IndexFunc(now, like); i >= 0 {
			return now[i]
		}
	}
	return now[0]
}

// comparison knows what a difference may be due to.
type comparison struct {
	moved string // which packages became hot or ceased to be, as a phrase
}

// moved says which packages are on the other side of the boundary now. Their
// types are written in another way in shapes.
func moved(was, is []string) string {
	var parts []string
	for _, path := range is {
		if !slices.Contains(was, path) {
			parts = append(parts, "package "+path+" is a hot package now")
		}
	}
	for _, path := range was {
		if !slices.Contains(is, path) {
			parts = append(parts, "package "+path+" is no hot package any more")
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// structure describes a difference between shapes for which the names of the
// types are no help.
func (c comparison) structure(was, is string) string {
	switch difference := manifest.DescribeDifference(was, is); {
	case difference != "":
		return difference
	case c.moved != "":
		return c.moved
	}
	return "types of the same names have other fields"
}

func (c comparison) route(was manifest.Route, is *Route) manifest.Diagnostic {
	pos := is.SignaturePosition
	if pos.File == "" {
		pos = is.Position
	}
	change := ": " + c.structure(was.Shape, is.Shape)
	if was.Signature != is.Signature {
		change = " from " + was.Signature + " to " + is.Signature
	}
	d := manifest.Diagnose(manifest.CodeSignature, pos,
		"%s: the signature of %s changed%s; whoever uses the route relies on the old one, so the live server restarts",
		manifest.Slot{Method: is.Method, Pattern: is.Pattern, Mount: is.Mount}, is.Handler, change)
	if pos != is.Position {
		d.Related = append(d.Related, manifest.Related{Position: is.Position, Message: "registered here"})
	}
	if old := was.Position; old.File != "" && (old.File != is.Position.File || old.Line != is.Position.Line) {
		d.Related = append(d.Related, manifest.Related{Position: old, Message: "registered here in the live generation"})
	}
	return d
}

func (c comparison) state(was manifest.State, is *State) manifest.Diagnostic {
	change := "its type " + was.Type + " is " + is.Type + " now"
	if was.Type == is.Type {
		change = "the structure of its type " + is.Type + " changed"
	}
	difference := manifest.DescribeDifference(was.Shape, is.Shape)
	if difference == "" && was.Type == is.Type {
		difference = c.moved
	}
	if difference != "" && !strings.HasPrefix(difference, "it was ") {
		change += ": " + difference
	}
	d := manifest.Diagnose(manifest.CodeStateShape, is.Position,
		"state %q: %s; the value is taken over field by field, and what has no place in the new type is dropped", is.Key, change)
	if onlyNew(difference) {
		d.Severity = manifest.SeverityInformation
		d.Message = strings.Replace(d.Message, "and what has no place in the new type is dropped", "and nothing is dropped", 1)
	}
	return d
}

// onlyNew reports whether all that a difference consists of are new fields.
func onlyNew(difference string) bool {
	if difference == "" {
		return false
	}
	for part := range strings.SplitSeq(difference, ", ") {
		if !strings.HasPrefix(part, "field ") || !strings.HasSuffix(part, " is new") {
			return false
		}
	}
	return true
}
