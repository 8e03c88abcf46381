package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
)

// Compare says what differs between the manifest that is live and a report in a way that matters:
// routes whose handlers have another signature (ANV001), and keyed state whose type has another
// structure (ANV005). hot are the hot packages of the report. The result is sorted.
//
// A route that is registered more than once, under different conditions, is compared with the one
// that fits best: which of them it will be is not known.
func Compare(last *manifest.Manifest, r *Report, hot []string) []manifest.Diagnostic {
	c := comparison{moved: moved(last.Hot, hot)}
	var found []manifest.Diagnostic
	routes := map[manifest.RouteKey][]*Route{}
	for i := range r.Routes {
		route := &r.Routes[i]
		routes[route.Key()] = append(routes[route.Key()], route)
	}
	for _, was := range last.Routes {
		now := routes[was.Key()]
		same := func(r *Route) bool { return r.Broken || r.Fingerprint == was.Fingerprint }
		if len(now) > 0 && !slices.ContainsFunc(now, same) {
			found = append(found, c.route(was, likeliest(was, now)))
		}
	}
	// The live manifest knows the patterns that the source does not tell.
	known := func(was manifest.Route) bool { return len(routes[was.Key()]) > 0 }
	for _, pair := range patternless(slices.DeleteFunc(slices.Clone(last.Routes), known), r.Unknown) {
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

// moved says which packages are on the other side of the boundary now. Their types are written in
// another way in shapes.
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

// otherwise says in what shapes differ for which the names of the types are no help.
func (c comparison) otherwise() string {
	if c.moved != "" {
		return c.moved
	}
	return "types of the same names have other fields"
}

func (c comparison) route(was manifest.Route, is *Route) manifest.Diagnostic {
	pos := is.SignaturePosition
	if pos.File == "" {
		pos = is.Position
	}
	slot := manifest.Slot{Method: is.Method, Pattern: is.Pattern, Mount: is.Mount}
	d := manifest.SignatureChanged(pos, slot, was.Handling(), is.Handling(), c.otherwise())
	if pos != is.Position {
		d.Related = append(d.Related, manifest.Related{Position: is.Position, Message: "registered here"})
	}
	if old := was.Position; old.File != "" && (old.File != is.Position.File || old.Line != is.Position.Line) {
		d.Related = append(d.Related, manifest.Related{Position: old, Message: "registered here in the live generation"})
	}
	return d
}

// state words a change of kept state: the value is copied field by field, and what has no field
// in the new type is dropped.
func (c comparison) state(was manifest.State, is *State) manifest.Diagnostic {
	long := "the structure of its type " + is.Type + " changed"
	if was.Type != is.Type {
		long = "its type " + was.Type + " is " + is.Type + " now"
	}
	difference := shape.Describe(was.Shape, is.Shape)
	if difference == "" && was.Type == is.Type {
		difference = c.moved
	}
	if strings.HasPrefix(difference, "it was ") {
		difference = ""
	}
	if difference != "" {
		long += ": " + difference
	}
	kept := onlyNew(difference)
	does := fmt.Sprintf("state %q drops values", is.Key)
	if kept {
		does = fmt.Sprintf("state %q is migrated", is.Key)
	}
	var why []string
	switch losses := lossy(difference); {
	case was.Type != is.Type:
		why = []string{"now " + is.Type}
	case len(losses) > 0:
		why = []string{difference, strings.Join(losses, ", "), losses[0] + ", …"}
	case difference != "":
		why = []string{difference}
	}
	var wordings []string
	for _, w := range why {
		wordings = append(wordings, does+" ("+w+")")
	}
	wordings = append(wordings, does)
	d := manifest.Diagnose(manifest.CodeStateShape, is.Position, "%s", manifest.Fit(wordings...))
	if kept {
		d.Severity = manifest.SeverityInformation
	}
	d.Related = []manifest.Related{{Position: is.Position, Message: long}}
	return d
}

// onlyNew reports whether all that a difference consists of are new fields.
func onlyNew(difference string) bool {
	if difference == "" {
		return false
	}
	return len(lossy(difference)) == 0
}

// lossy returns what a difference consists of but for new fields.
func lossy(difference string) []string {
	return slices.DeleteFunc(strings.Split(difference, ", "), func(part string) bool {
		return part == "" || strings.HasPrefix(part, "field ") && strings.HasSuffix(part, " is new")
	})
}
