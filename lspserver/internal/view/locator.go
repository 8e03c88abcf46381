package view

import (
	"cmp"
	"slices"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// Locator says where positions of a folder's Prediction stand in what the editor
// shows now: a prediction lags behind the document while somebody types.
type Locator struct {
	View   *View
	Folder *Folder
	shifts map[string]func(line int) (int, bool) // by path
	ranges map[string]*Ranges                    // by path
}

func (v *View) Locator(f *Folder) *Locator {
	return &Locator{View: v, Folder: f, shifts: map[string]func(int) (int, bool){}, ranges: map[string]*Ranges{}}
}

// Now returns where a position stands now. It reports false if its line was
// edited since the prediction was made, or if that cannot be known; a newer
// prediction is on its way then.
func (p *Locator) Now(at manifest.Position) (manifest.Position, bool) {
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

// Ranges returns what finds ranges in a file as the editor shows it now.
func (p *Locator) Ranges(path string) *Ranges {
	if p.ranges[path] == nil {
		p.ranges[path] = NewRanges(p.View.Mapper(path))
	}
	return p.ranges[path]
}

// Location returns where a position of the document that is shown now is, with
// the range of what stands there.
func (p *Locator) Location(at manifest.Position) protocol.Location {
	return protocol.Location{URI: p.View.URI(at.File), Range: p.Ranges(at.File).At(at)}
}

func (p *Locator) shift(path string) func(int) (int, bool) {
	stays := func(line int) (int, bool) { return line, true }
	unknown := func(line int) (int, bool) { return line, false }
	var was *Document
	if p.Folder.Basis != nil {
		was = p.Folder.Basis.ByPath[path]
	}
	is := p.View.Documents.ByPath[path]
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
	case was.Sum == is.Sum:
		return stays
	}
	return text.NewShift(was.Text, is.Text).Line
}

// Registration is a route and where it is registered in a document.
type Registration struct {
	Route    *source.Route
	Position manifest.Position
}

// Registrations returns the routes that are registered in a document, in the
// order of their places, as far as those are known.
func (p *Locator) Registrations(d *Document) []Registration {
	fc := p.Folder.Prediction
	if fc == nil {
		return nil
	}
	var out []Registration
	add := func(r *source.Route, where manifest.Position) {
		if where.File != d.Path {
			return
		}
		at, ok := p.Now(where)
		if ok && !slices.ContainsFunc(out, func(o Registration) bool {
			return o.Position == at && o.Route.Key() == r.Key()
		}) {
			out = append(out, Registration{r, at})
		}
	}
	for i := range fc.Report.Routes {
		add(&fc.Report.Routes[i], fc.Report.Routes[i].Position)
	}
	// What cannot be followed from source the live server knows, by the line.
	for _, u := range fc.Report.Unknown {
		if fc.Rung != "" || p.Folder.Manifest == nil {
			break // its lines are not those of the source
		}
		for _, live := range p.Folder.Manifest.Routes {
			if SameLine(live.Position, u.Position) && !slices.ContainsFunc(fc.Report.Routes, func(r source.Route) bool {
				return r.Key() == live.Key()
			}) {
				add(&source.Route{Route: live}, u.Position)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Registration) int {
		return cmp.Or(cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column))
	})
	return out
}

func SameLine(a, b manifest.Position) bool {
	return a.File != "" && a.File == b.File && a.Line == b.Line && a.Line != 0
}
