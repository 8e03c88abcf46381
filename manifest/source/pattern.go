package source

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// entry is one registered route.
type entry struct {
	method, pattern string
	slash           bool // the root of a group: with and without a slash at the end
	mount           bool
	conditional     bool
	box             handlerBox
	call            manifest.Position // of the registering call
	at              manifest.Position // of the pattern, as it is written
	methodAt        manifest.Position // of the method, if one is written
}

// joinPattern puts a pattern below the prefix of a group, as the runtime does.
// slash reports that it is the group's root.
func joinPattern(prefix, pattern string) (joined string, slash bool) {
	switch {
	case prefix == "", pattern != "" && pattern[0] != '/':
		return pattern, false
	case pattern == "/":
		return prefix, true
	}
	return prefix + pattern, false
}

// patterns returns the patterns that the router knows the entry by.
func (e *entry) patterns() []string {
	switch {
	case e.mount:
		return []string{strings.TrimSuffix(e.pattern, "/") + "/*"}
	case e.slash:
		return []string{e.pattern, e.pattern + "/"}
	}
	return []string{e.pattern}
}

// title names the route as the runtime does.
func (e *entry) title() string { return title(e.method, e.pattern, e.mount) }

func title(method, pattern string, mount bool) string {
	switch {
	case mount:
		return "Mount " + pattern
	case method == everyMethod:
		return "Handle " + pattern
	}
	return method + " " + pattern
}

// rank orders entries for insertion into the router, where the later one wins.
func (e *entry) rank() int {
	switch {
	case e.mount:
		return 0
	case e.method == everyMethod:
		return 1
	}
	return 2
}

// canonicalPattern returns a pattern without the names of its parameters: two
// patterns that differ only in them are the same route.
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

// checkRoutes returns everything that would keep the routes from being served
// together: what chi refuses, each route taken alone; duplicates; and if there
// are none, what chi refuses of all together. Routes that are registered only
// under a condition are no duplicates: it may be the other branch of the same
// condition.
func checkRoutes(entries []*entry) []manifest.Diagnostic {
	var faults []manifest.Diagnostic
	var sound []*entry
	for _, e := range entries {
		if reason := refused(func() { e.insert(chi.NewMux()) }); reason != "" {
			if !e.conditional {
				faults = append(faults, e.refusal(reason))
			}
		} else if !e.conditional {
			sound = append(sound, e)
		}
	}
	faults = append(faults, checkDuplicates(sound)...)
	if len(faults) > 0 {
		return faults
	}
	slices.SortStableFunc(sound, func(a, b *entry) int { return a.rank() - b.rank() })
	mux := chi.NewMux()
	for _, e := range sound {
		if reason := refused(func() { e.insert(mux) }); reason != "" {
			faults = append(faults, e.refusal(reason))
		}
	}
	return faults
}

// refusal is what chi says, at the method or at the pattern.
func (e *entry) refusal(reason string) manifest.Diagnostic {
	d := e.fault("%s: %s; the generation would be refused", e.title(), strings.TrimSuffix(reason, "."))
	if e.methodAt.File != "" && strings.Contains(reason, "http method") {
		d.Position = e.methodAt
	}
	return d
}

// fault is a finding at the pattern. If that is not written in the registering
// call, the call is named too.
func (e *entry) fault(format string, args ...any) manifest.Diagnostic {
	d := manifest.Diagnose(manifest.CodeRoute, e.at, format, args...)
	if e.at.File != e.call.File || e.at.Line != e.call.Line {
		d.Related = append(d.Related, manifest.Related{Position: e.call, Message: "registered here"})
	}
	return d
}

func checkDuplicates(entries []*entry) []manifest.Diagnostic {
	type key struct{ method, pattern string }
	var faults []manifest.Diagnostic
	first := map[key]*entry{}
	for _, e := range entries {
		for _, pattern := range e.patterns() {
			k := key{e.method, canonicalPattern(pattern)}
			earlier, ok := first[k]
			if !ok {
				first[k] = e
				continue
			}
			why := "is registered twice"
			if earlier.pattern != e.pattern && !e.mount && !e.slash && !earlier.slash {
				why += " (names of parameters do not tell routes apart)"
			}
			d := e.fault("%s %s; the generation would be refused", e.title(), why)
			d.Related = append(d.Related, manifest.Related{Position: earlier.at, Message: "first registered here, as " + earlier.title()})
			faults = append(faults, d)
			break
		}
	}
	return faults
}

// insert adds the entry to a router, which panics if it does not like it.
func (e *entry) insert(r chi.Router) {
	h := http.NotFoundHandler()
	if e.mount {
		r.Mount(e.pattern, h)
		return
	}
	patterns := []string{e.pattern}
	if e.slash {
		patterns = append(patterns, e.pattern+"/")
	}
	for _, p := range patterns {
		if e.method == everyMethod {
			r.Handle(p, h)
		} else {
			r.Method(e.method, p, h)
		}
	}
}

// refused returns the reason with which chi panicked, empty if it did not.
func refused(insert func()) (reason string) {
	defer func() {
		if v := recover(); v != nil {
			reason = "the router refuses it"
			if s, ok := v.(string); ok {
				reason = strings.TrimPrefix(s, "chi: ")
			}
		}
	}()
	insert()
	return ""
}
