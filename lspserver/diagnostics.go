package lspserver

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// maxPerFile bounds the diagnostics of one file.
const maxPerFile = 200

// finding is a diagnostic of one session.
type finding struct {
	manifest.Diagnostic
	happened bool
}

// publish shows what there is to say about the buffers. docs are those that the
// prediction was made for.
func (f *session) publish(docs *view.DocumentSet) {
	f.mu.Lock()
	all := f.collect(docs)
	f.mu.Unlock()
	byFile, home := map[string][]finding{}, sync.OnceValue(f.findingHome)
	for _, d := range all {
		if d.File == "" {
			if d.File = home(); d.File == "" {
				continue // the application is gone
			}
		}
		byFile[d.File] = append(byFile[d.File], d)
	}
	v := &view.View{Client: f.s.client, Documents: docs, Folders: []*view.Folder{f.view()}}
	seen := map[string]bool{}
	out := map[uri.URI][]protocol.Diagnostic{}
	for _, path := range slices.Sorted(maps.Keys(byFile)) {
		u, ds := v.URI(path), byFile[path]
		for _, d := range ds[:min(len(ds), maxPerFile)] {
			out[u] = append(out[u], f.convert(v, d, seen))
		}
	}
	for path := range f.ranges {
		if !seen[path] {
			delete(f.ranges, path)
		}
	}
	f.s.diags.Publish(f, docs, out)
}

// collect returns what happened and what is expected, sorted; f.mu is held.
//
// What happened to the code that is on disk replaces what was expected of it,
// but for what needs nothing to happen. Once a buffer differs from the disk
// both are shown, and what happened is shown where its line has moved to, as
// long as it was not edited.
func (f *session) collect(docs *view.DocumentSet) []finding {
	var out []finding
	for _, d := range f.status.Problems {
		if f.leftToGopls(d) {
			continue
		}
		d.Related = slices.Concat(d.Related, incident(d, f.owns))
		if d, ok := f.moved(docs, d); ok {
			out = append(out, finding{d, true})
		}
	}
	if f.prediction == nil {
		return out
	}
	tried := f.clean && f.link != nil && f.status.State != view.StateOff && len(f.status.Held) == 0
	starting := f.status.Generation == 0 && f.status.State == control.StateBuilding // and nothing says yet that it fails
	for _, d := range f.prediction.Diagnostics {
		switch {
		case d.Code == manifest.CodeCompile && d.Severity != manifest.SeverityInformation:
			continue // gopls says so
		case tried && d.Code.Rung() != manifest.RungHotSwap && !(starting && d.Severity == manifest.SeverityError):
			continue
		case !f.shiftStale(docs.ByPath[d.File], &d.Position):
			continue
		case slices.ContainsFunc(out, func(o finding) bool {
			return o.happened && o.Code == d.Code && o.File == d.File && o.Line == d.Line
		}):
			continue
		}
		d.Message = d.PredictedMessage(f.prediction.Rung, f.restartIs(d))
		out = append(out, finding{d, false})
	}
	slices.SortStableFunc(out, func(a, b finding) int {
		return compareDiagnostics(a.Diagnostic, b.Diagnostic)
	})
	return out
}

// restartIs returns the words for a restart that a finding of the prediction calls
// for: whether it takes no more than a save; f.mu is held.
func (f *session) restartIs(d manifest.Diagnostic) string {
	waits := f.paused || f.status.Paused || f.getSettings().OnSave == view.SaveManual || len(f.status.Held) > 0
	waits = waits || f.attached || f.link == nil || f.status.State == view.StateOff
	switch f.decide([]manifest.Diagnostic{d}) {
	case engine.BreakAsk, engine.BreakKeep:
		waits = true
	}
	if waits {
		return manifest.NeedsRestart
	}
	return manifest.RestartsOnSave
}

func compareDiagnostics(a, b manifest.Diagnostic) int {
	if c := strings.Compare(a.File, b.File); c != 0 {
		return c
	}
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return a.Column - b.Column
}

// shiftStale moves a position of a file to where that stands in a buffer that was
// left behind. It reports false if it is not there.
func (f *session) shiftStale(doc *view.Document, p *manifest.Position) bool {
	if doc == nil || !doc.Stale() || p.Line == 0 {
		return true
	}
	disk, err := regular.Read(doc.Path, regular.MaxSource)
	if err != nil {
		return false
	}
	line, ok := text.NewShift(disk, doc.Text).Line(p.Line)
	p.Line = line
	return ok
}

// moved returns where a problem stands in the buffer; false if its line was
// edited. The words of the compiler hold for the text that it has seen.
func (f *session) moved(docs *view.DocumentSet, d manifest.Diagnostic) (manifest.Diagnostic, bool) {
	bases := f.bases[problemOf(d)]
	// What explains it moves along; what was edited is left out.
	d.Related = slices.DeleteFunc(slices.Clone(d.Related), func(r manifest.Related) bool {
		doc, base := docs.ByPath[r.File], bases[r.File]
		if doc == nil || base == nil || r.Line == 0 {
			return false
		}
		_, ok := text.NewShift(base, doc.Text).Line(r.Line)
		return !ok
	})
	for i, r := range d.Related {
		if doc, base := docs.ByPath[r.File], bases[r.File]; doc != nil && base != nil && r.Line != 0 {
			d.Related[i].Line, _ = text.NewShift(base, doc.Text).Line(r.Line)
		}
	}
	doc, base := docs.ByPath[d.File], bases[d.File]
	if doc == nil || base == nil || string(base) == string(doc.Text) {
		return d, true
	}
	if d.Code == manifest.CodeCompile && !doc.Stale() {
		return d, false
	}
	if d.Line == 0 {
		return d, true
	}
	line, ok := text.NewShift(base, doc.Text).Line(d.Line)
	if doc.Stale() { // it is true of the file, wherever that is in the buffer
		if ok {
			d.Line = line
		}
		return d, true
	}
	d.Line = line
	return d, ok
}

// fileRanges is a file that is not open, prepared for looking up ranges.
type fileRanges struct {
	*view.Ranges
	size    int64
	changed time.Time
	doc     *view.Document
}

// find returns what looks up ranges in a file.
func (f *session) find(v *view.View, path string, seen map[string]bool) *view.Ranges {
	seen[path] = true
	was := f.ranges[path]
	now := &fileRanges{doc: v.Documents.ByPath[path]}
	if now.doc == nil {
		if info, err := os.Stat(path); err == nil {
			now.size, now.changed = info.Size(), info.ModTime()
		}
	}
	if was != nil && was.doc == now.doc && was.size == now.size && was.changed.Equal(now.changed) {
		return was.Ranges
	}
	now.Ranges = view.NewRanges(v.Mapper(path))
	f.ranges[path] = now
	return now.Ranges
}

// convert makes a diagnostic one of the protocol.
func (f *session) convert(v *view.View, d finding, seen map[string]bool) protocol.Diagnostic {
	out := protocol.Diagnostic{
		Range:    f.find(v, d.File, seen).At(d.Position),
		Severity: severity(d.Severity),
		Code:     protocol.String(d.Code),
		Source:   protocol.NewOptional("anvil"),
		Message:  protocol.String(visible.Text(d.Message)),
	}
	if v.Client.CodeDescription {
		out.CodeDescription = protocol.CodeDescription{Href: uri.URI(d.Code.URL())}
	}
	if v.Client.RelatedInformation {
		for _, r := range d.Related {
			if r.File == "" {
				continue
			}
			out.RelatedInformation = append(out.RelatedInformation, protocol.DiagnosticRelatedInformation{
				Location: protocol.Location{URI: v.URI(r.File), Range: f.find(v, r.File, seen).At(r.Position)},
				Message:  visible.Text(r.Message),
			})
		}
	}
	if v.Client.DiagnosticData {
		if data, err := json.Marshal(view.DiagnosticData{Code: d.Code, Position: d.Position,
			Happened: d.happened}); err == nil {
			out.Data = protocol.LSPAny(data)
		}
	}
	return out
}

// owns reports whether a file is one of the application's; f.mu is held.
func (f *session) owns(path string) bool {
	return paths.Below(path, f.dir) || f.dirs[filepath.Dir(path)]
}

func severity(s manifest.Severity) protocol.DiagnosticSeverity {
	switch s {
	case manifest.SeverityError:
		return protocol.DiagnosticSeverityError
	case manifest.SeverityWarning:
		return protocol.DiagnosticSeverityWarning
	case manifest.SeverityInformation:
		return protocol.DiagnosticSeverityInformation
	}
	return protocol.DiagnosticSeverityHint
}

// leftToGopls reports whether a finding is an error of the compiler that gopls
// shows at the same place. What gopls cannot know is not left to it: code that
// only our build tags select, and positions elsewhere. f.mu is held.
func (f *session) leftToGopls(d manifest.Diagnostic) bool {
	if d.Code != manifest.CodeCompile || d.File == "" || !f.owns(d.File) {
		return false
	}
	switch s := f.getSettings(); {
	case s.CompileErrors == view.CompileErrorsNever:
		return true
	case s.CompileErrors == view.CompileErrorsAlways || len(s.Tags) > 0:
		return false
	}
	return f.s.neighbours.Running()
}

// Dir is the directory of the application; see publish.Source.
func (f *session) Dir() string { return f.dir }

// Gone reports whether the session ends; see publish.Source.
func (f *session) Gone() bool { return f.ctx.Err() != nil }

// diagnosticsClient is the client as the publisher sees it.
type diagnosticsClient Server

func (c *diagnosticsClient) PublishesVersions() bool { return c.client.DiagnosticVersion }

func (c *diagnosticsClient) Publish(p *protocol.PublishDiagnosticsParams) {
	c.conn.NotifyLatest(protocol.MethodTextDocumentPublishDiagnostics, string(p.URI), p)
}
