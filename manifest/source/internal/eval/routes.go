package eval

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Entry is one registered route.
type Entry struct {
	Method, Pattern string
	slash           bool // the root of a group: with and without a slash at the end
	Mount           bool
	Conditional     bool
	Box             handlerBox
	Call            manifest.Position // of the registering call
	at              manifest.Position // of the pattern, as it is written
	methodAt        manifest.Position // of the method, if one is written
}

// place returns where the route stands in the router.
func (e *Entry) place() manifest.Slot {
	return manifest.Slot{Method: e.Method, Pattern: e.Pattern, Root: e.slash, Mount: e.Mount}
}

// checkRoutes returns everything that would keep the routes from being served
// together: what chi refuses, each route taken alone; duplicates; and if there
// are none, what chi refuses of all together. Routes that are registered only
// under a condition are no duplicates: it may be the other branch of the same
// condition. Without query the application's chi is older than the method QUERY.
func checkRoutes(entries []*Entry, query bool) []manifest.Diagnostic {
	var faults []manifest.Diagnostic
	var sound []*Entry
	for _, e := range entries {
		reason := refused(func() { e.insert(chi.NewMux()) })
		if reason == "" && e.Method == "QUERY" && !query {
			reason = "'QUERY' http method is not supported."
		}
		if reason != "" {
			if !e.Conditional {
				faults = append(faults, e.refusal(reason))
			}
		} else if !e.Conditional {
			sound = append(sound, e)
		}
	}
	faults = append(faults, checkDuplicates(sound)...)
	if len(faults) > 0 {
		return faults
	}
	slices.SortStableFunc(sound, func(a, b *Entry) int { return a.place().Rank() - b.place().Rank() })
	mux := chi.NewMux()
	for _, e := range sound {
		if reason := refused(func() { e.insert(mux) }); reason != "" {
			faults = append(faults, e.refusal(reason))
		}
	}
	return faults
}

// refusal is what chi says, at the method or at the pattern.
func (e *Entry) refusal(reason string) manifest.Diagnostic {
	d := e.fault("%s: %s", e.place(), strings.TrimSuffix(reason, "."))
	if e.methodAt.File != "" && strings.Contains(reason, "http method") {
		d.Position = e.methodAt
	}
	return d
}

// fault is a finding at the pattern. If that is not written in the registering
// call, the call is named too.
func (e *Entry) fault(format string, args ...any) manifest.Diagnostic {
	d := manifest.Diagnose(manifest.CodeRoute, e.at, format, args...)
	if e.at.File != e.Call.File || e.at.Line != e.Call.Line {
		d.Related = append(d.Related, manifest.Related{Position: e.Call, Message: "registered here"})
	}
	return d
}

func checkDuplicates(entries []*Entry) []manifest.Diagnostic {
	places := make([]manifest.Slot, len(entries))
	for i, e := range entries {
		places[i] = e.place()
	}
	var faults []manifest.Diagnostic
	for _, twice := range manifest.Duplicates(places) {
		e, earlier := entries[twice.Route], entries[twice.Earlier]
		why := "is registered twice"
		if earlier.Pattern != e.Pattern && !e.Mount && !e.slash && !earlier.slash {
			why += " (names of parameters do not tell routes apart)"
		}
		d := e.fault("%s %s", places[twice.Route], why)
		d.Related = append(d.Related, manifest.Related{Position: earlier.at, Message: fmt.Sprintf("first registered here, as %s", places[twice.Earlier])})
		faults = append(faults, d)
	}
	return faults
}

// insert adds the entry to a router, which panics if it does not like it.
func (e *Entry) insert(r chi.Router) {
	h := http.NotFoundHandler()
	if e.Mount {
		r.Mount(e.Pattern, h)
		return
	}
	for _, p := range e.place().Patterns() {
		if e.Method == manifest.AnyMethod {
			r.Handle(p, h)
		} else {
			r.Method(e.Method, p, h)
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
