package feature

import (
	"slices"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// InlayHints returns the hints of a document, and what is seen of them.
func InlayHints(v *view.View, u uri.URI) (any, string) {
	hints := []protocol.InlayHint{}
	d := v.Document(u)
	if d == nil {
		return hints, ""
	}
	f := v.Folder(d.Path)
	if f == nil || !f.Settings.InlayHints || f.Prediction == nil || f.Prediction.Rung == "" {
		return hints, ""
	}
	at := v.Locator(f)
	m, seen, last := d.Mapper(), "", 0
	for _, e := range f.Prediction.Edits {
		if e.Position.File != d.Path {
			continue
		}
		p, ok := at.Now(e.Position)
		if !ok || p.Line == last { // several names in one line
			continue
		}
		last = p.Line
		label, why := hintAt(f, at, p)
		h := protocol.InlayHint{
			Position: m.Position(m.LineEnd(m.GoOffset(p.Line, p.Column))), Label: protocol.String(label), PaddingLeft: new(true),
		}
		if why != "" {
			h.Tooltip = protocol.String(why)
		}
		hints = append(hints, h)
		seen += string(JSON(h)) + "\n"
	}
	return hints, seen
}

// hintAt says what a save does, and why, if a declaration that begins at a
// position is the reason.
func hintAt(f *view.Folder, at *view.Locator, p manifest.Position) (label, why string) {
	first, end := declarationLines(at.Ranges(p.File), p)
	// What is said of the old version of a document is said of its lines.
	i := slices.IndexFunc(f.Prediction.Diagnostics, func(d manifest.Diagnostic) bool {
		if !tells(f, d) {
			return false
		}
		where, ok := at.Now(d.Position)
		return ok && where.File == p.File && first <= where.Line && where.Line <= end
	})
	later := ""
	if f.Status.Paused {
		later = ", when asked for"
	}
	switch f.Prediction.Rung {
	case manifest.RungHotSwap:
		label = "→ hot swap" + later
	case manifest.RungWarmRestart:
		label = "→ warm restart" + later
	default:
		label = "→ not live: errors"
	}
	if i >= 0 {
		d := f.Prediction.Diagnostics[i]
		return label + " (" + string(d.Code) + ")", d.Message
	}
	return label, ""
}

// tells reports whether a finding says why a save does what it does.
func tells(f *view.Folder, d manifest.Diagnostic) bool {
	switch f.Prediction.Rung {
	case manifest.RungHotSwap: // though it changes a signature
		return d.Code.Rung() == manifest.RungWarmRestart
	case manifest.RungKeep:
		return d.Code.Rung() == manifest.RungKeep && d.Severity == manifest.SeverityError
	}
	return d.Code.Rung() == f.Prediction.Rung
}

// declarationLines returns the first and the last line of the top-level declaration
// around a position; the line itself if there is none.
func declarationLines(pl *view.Ranges, p manifest.Position) (first, last int) {
	file, tf := pl.Parse()
	if tf == nil {
		return p.Line, p.Line
	}
	for _, decl := range file.Decls {
		first, _ := pl.Mapper.GoPosition(tf.Offset(decl.Pos()))
		last, _ := pl.Mapper.GoPosition(tf.Offset(decl.End()))
		if first <= p.Line && p.Line <= last {
			return first, last
		}
	}
	return p.Line, p.Line
}
