package lspserver

import (
	"cmp"
	"slices"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// placer says where positions of a folder's Prediction stand in what the editor
// shows now: a prediction lags behind the document while somebody types.
type placer struct {
	v      *View
	f      *Folder
	shifts map[string]func(line int) (int, bool) // by path
	files  map[string]*places                    // by path
}

func (v *View) placer(f *Folder) *placer {
	return &placer{v: v, f: f, shifts: map[string]func(int) (int, bool){}, files: map[string]*places{}}
}

// now returns where a position stands now. It reports false if its line was
// edited since the prediction was made, or if that cannot be known; a newer
// prediction is on its way then.
func (p *placer) now(at manifest.Position) (manifest.Position, bool) {
	if at.File == "" {
		return at, false
	}
	shift := p.shifts[at.File]
	if shift == nil {
		shift = p.shift(at.File)
		p.shifts[at.File] = shift
	}
	line, ok := shift(at.Line)
	if ok {
		at.Line = line
	}
	return at, ok
}

// places returns what finds ranges in a file as the editor shows it now.
func (p *placer) places(path string) *places {
	if p.files[path] == nil {
		p.files[path] = newPlaces(p.v.Mapper(path))
	}
	return p.files[path]
}

// location returns where a position of the document that is shown now is, with
// the range of what stands there.
func (p *placer) location(at manifest.Position) protocol.Location {
	return protocol.Location{URI: p.v.URI(at.File), Range: p.places(at.File).at(at)}
}

func (p *placer) shift(path string) func(int) (int, bool) {
	stays := func(line int) (int, bool) { return line, true }
	unknown := func(line int) (int, bool) { return line, false }
	var was *Document
	if p.f.basis != nil {
		was = p.f.basis.byPath[path]
	}
	is := p.v.documents.byPath[path]
	switch {
	case was == nil && is == nil:
		return stays
	case was == nil: // opened since, or left behind: the prediction was made for the file
		if is.Dirty() || is.Stale() {
			return unknown
		}
		return stays
	case is == nil: // closed since: the prediction was made for the buffer
		if was.Dirty() {
			return unknown
		}
		return stays
	case was.sum == is.sum:
		return stays
	}
	return text.NewShift(was.Text, is.Text).Line
}

// registration is a route and where it is registered in a document.
type registration struct {
	route *source.Route
	at    manifest.Position
}

// registrations returns the routes that are registered in a document, in the
// order of their places, as far as those are known.
func (p *placer) registrations(d *Document) []registration {
	fc := p.f.Prediction
	if fc == nil {
		return nil
	}
	var out []registration
	add := func(r *source.Route, where manifest.Position) {
		if where.File != d.Path {
			return
		}
		at, ok := p.now(where)
		if ok && !slices.ContainsFunc(out, func(o registration) bool {
			return o.at == at && o.route.Key() == r.Key()
		}) {
			out = append(out, registration{r, at})
		}
	}
	for i := range fc.Report.Routes {
		add(&fc.Report.Routes[i], fc.Report.Routes[i].Position)
	}
	// What cannot be followed from source the live server knows, by the line.
	for _, u := range fc.Report.Unknown {
		if fc.Rung != "" || p.f.Manifest == nil {
			break // its lines are not those of the source
		}
		for _, live := range p.f.Manifest.Routes {
			if near(live.Position, u.Position) && !slices.ContainsFunc(fc.Report.Routes, func(r source.Route) bool {
				return r.Key() == live.Key()
			}) {
				add(&source.Route{Route: live}, u.Position)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b registration) int {
		return cmp.Or(cmp.Compare(a.at.Line, b.at.Line), cmp.Compare(a.at.Column, b.at.Column))
	})
	return out
}
