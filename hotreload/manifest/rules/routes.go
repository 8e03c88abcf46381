// Package rules decides which routes can be registered and what the input of a typed
// handler can be. The live server and the check from source both ask it, so that they
// agree, also in their words.
package rules

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// ErrNilHandler says that a handler is nil.
var ErrNilHandler = errors.New("the handler is nil; " + AcceptedKinds)

// NotHandler says that a type is not that of a handler.
func NotHandler(typeName string) error {
	return fmt.Errorf("%s is not a handler; %s", typeName, AcceptedKinds)
}

// AcceptedKinds tells whoever has something else what a handler is.
const AcceptedKinds = "a handler is an http.Handler, func(http.ResponseWriter, *http.Request), " +
	"func(http.ResponseWriter, *http.Request) error, func(*hotreload.Ctx) error or " +
	"func(*hotreload.Ctx, In) (Out, error) where In is a struct"

// SplitMethod splits what Handle accepts, a pattern that may begin with a method, as in
// "GET /posts".
func SplitMethod(pattern string) (method, rest string) {
	if i := strings.IndexAny(pattern, " \t"); i > 0 && pattern[0] != '/' {
		return strings.ToUpper(pattern[:i]), strings.TrimLeft(pattern[i:], " \t")
	}
	return manifest.AnyMethod, pattern
}

// CheckPrefix returns what is wrong with the prefix of a group, empty if nothing is.
func CheckPrefix(prefix string) string {
	switch {
	case prefix != "" && prefix[0] != '/':
		return fmt.Sprintf("Group %s: a prefix begins with a slash", prefix)
	case strings.Contains(prefix, "*"):
		return fmt.Sprintf("Group %s: a prefix has no wildcard", prefix)
	}
	return ""
}

// SetTwice is the finding that a call sets what a generation has one of, and an earlier
// call did.
func SetTwice(call string, at, earlier manifest.Position) manifest.Diagnostic {
	d := manifest.Diagnose(manifest.CodeRoute, at, "%s is set twice; a generation has one", call)
	d.Related = []manifest.Related{{Position: earlier, Message: "first set here"}}
	return d
}

// Join puts a pattern below the prefix of a group. root reports that it is the group's
// root.
func Join(prefix, pattern string) (joined string, root bool) {
	switch {
	case prefix == "", pattern != "" && pattern[0] != '/': // the router will name the mistake
		return pattern, false
	case pattern == "/":
		return prefix, true
	}
	return prefix + pattern, false
}

// Route is a route that is to be registered.
type Route struct {
	manifest.Slot
	Call      manifest.Position // of the registering call
	PatternAt manifest.Position // as it is written
	MethodAt  manifest.Position // zero if no method is written
}

// Check returns everything that would keep the routes from being served together: what
// chi refuses, each route taken alone; duplicates; and if there are none, what chi
// refuses of all together.
func Check(routes []Route) []manifest.Diagnostic {
	var faults []manifest.Diagnostic
	var sound []Route
	for _, r := range routes {
		if reason := r.try(chi.NewMux()); reason != "" {
			faults = append(faults, r.Refused(reason))
		} else {
			sound = append(sound, r)
		}
	}
	if faults = append(faults, duplicates(sound)...); len(faults) > 0 {
		return faults
	}
	slices.SortStableFunc(sound, func(a, b Route) int { return a.Rank() - b.Rank() })
	mux := chi.NewMux()
	for _, r := range sound {
		if reason := r.try(mux); reason != "" {
			faults = append(faults, r.Refused(reason))
		}
	}
	return faults
}

// try inserts a route without its handler, and returns the reason with which chi
// panicked, empty if it did not.
func (r Route) try(mux *chi.Mux) (reason string) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case string:
			reason = strings.TrimSuffix(strings.TrimPrefix(v, "chi: "), ".")
		default:
			reason = "the router refuses it"
		}
	}()
	Insert(mux, r.Slot, http.NotFoundHandler())
	return ""
}

// Insert adds a route to a router, which panics if it does not accept it.
func Insert(mux chi.Router, s manifest.Slot, h http.Handler) {
	if s.Mount {
		mux.Mount(s.Pattern, h)
		return
	}
	for _, pattern := range s.Patterns() {
		if s.Method == manifest.AnyMethod {
			mux.Handle(pattern, h)
		} else {
			mux.Method(s.Method, pattern, h)
		}
	}
}

// Refused is the finding that the router refuses a route, at the method or at the
// pattern.
func (r Route) Refused(reason string) manifest.Diagnostic {
	d := r.fault("%s: %s", r.Slot, reason)
	if r.MethodAt.File != "" && strings.Contains(reason, "http method") {
		d.Position = r.MethodAt
	}
	return d
}

// fault is a finding at the pattern. If that is not written in the registering call, the
// call is named too.
func (r Route) fault(format string, args ...any) manifest.Diagnostic {
	d := manifest.Diagnose(manifest.CodeRoute, r.PatternAt, format, args...)
	if r.PatternAt.File != r.Call.File || r.PatternAt.Line != r.Call.Line {
		d.Related = append(d.Related, manifest.Related{Position: r.Call, Message: "registered here"})
	}
	return d
}

// duplicates finds the routes that would replace an earlier one.
func duplicates(routes []Route) []manifest.Diagnostic {
	type key struct{ method, pattern string }
	var faults []manifest.Diagnostic
	first := map[key]Route{}
	for _, r := range routes {
		for _, pattern := range r.Patterns() {
			k := key{r.Method, canonicalPattern(pattern)}
			earlier, ok := first[k]
			if !ok {
				first[k] = r
				continue
			}
			why := "is registered twice"
			if earlier.Pattern != r.Pattern && !r.Mount && !r.Root && !earlier.Root {
				why += " (names of parameters do not tell routes apart)"
			}
			d := r.fault("%s %s", r.Slot, why)
			d.Related = append(d.Related, manifest.Related{
				Position: earlier.PatternAt, Message: fmt.Sprintf("first registered here, as %s", earlier.Slot),
			})
			faults = append(faults, d)
			break
		}
	}
	return faults
}

// canonicalPattern returns a pattern without the names of its parameters.
func canonicalPattern(pattern string) string {
	var b strings.Builder
	depth, inName := 0, false
	for _, c := range pattern {
		switch {
		case c == '{':
			inName = inName || depth == 0
			depth++
		case c == '}':
			depth--
			inName = inName && depth > 0
		case c == ':' && depth == 1:
			inName = false
		case inName:
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}
