package feature

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// ManifestDiff says in what the source differs from what is live, for a person.
func ManifestDiff(f *view.Folder) string {
	var b strings.Builder
	now := *f.Manifest
	now.Routes, now.State = nil, nil
	for _, r := range f.Prediction.Report.Routes {
		if live := f.LiveRoute(r.Key()); live != nil && source.SameHandler(r.Handler, live.Handler) {
			r.Handler = live.Handler
		}
		now.Routes = append(now.Routes, r.Route)
	}
	for _, s := range f.Prediction.Report.State {
		if s.Registering || slices.ContainsFunc(f.Manifest.State, func(t manifest.State) bool { return t.Key == s.Key }) {
			now.State = append(now.State, s.State)
		}
	}
	now.Sort()
	c := manifest.Diff(f.Manifest, &now)
	fmt.Fprintf(&b, "generation %d, compared with the source\n\n", f.Manifest.Generation)
	for _, r := range c.Routes {
		switch {
		case r.Old == nil:
			fmt.Fprintf(&b, "+ %s %s  %s  %s\n", r.New.Method, r.New.Pattern, r.New.Handler, r.New.Signature)
		case r.New == nil:
			fmt.Fprintf(&b, "- %s %s  %s  %s\n", r.Old.Method, r.Old.Pattern, r.Old.Handler, r.Old.Signature)
		case r.Old.Fingerprint == r.New.Fingerprint:
			fmt.Fprintf(&b, "~ %s %s  %s → %s  %s\n", r.New.Method, r.New.Pattern, r.Old.Handler, r.New.Handler, r.New.Signature)
		case r.Old.Signature == r.New.Signature:
			fmt.Fprintf(&b, "~ %s %s  %s  %s: %s\n", r.New.Method, r.New.Pattern, r.New.Handler, r.New.Signature,
				shape.Describe(r.Old.Shape, r.New.Shape))
		default:
			fmt.Fprintf(&b, "~ %s %s  %s  %s → %s\n", r.New.Method, r.New.Pattern, r.New.Handler, r.Old.Signature,
				r.New.Signature)
		}
	}
	for _, s := range c.State {
		switch {
		case s.Old == nil:
			fmt.Fprintf(&b, "+ state %q  %s\n", s.New.Key, s.New.Type)
		case s.New == nil:
			fmt.Fprintf(&b, "- state %q  %s\n", s.Old.Key, s.Old.Type)
		default:
			fmt.Fprintf(&b, "~ state %q  %s → %s: %s\n", s.New.Key, s.Old.Type, s.New.Type,
				shape.Describe(s.Old.Shape, s.New.Shape))
		}
	}
	if len(c.Routes)+len(c.State) == 0 {
		b.WriteString("no difference in routes and keyed state\n")
	}
	if n := len(f.Prediction.Report.Unknown); n > 0 {
		fmt.Fprintf(&b, "\n%d registrations cannot be followed from source\n", n)
	}
	return b.String()
}
