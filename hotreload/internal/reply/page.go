//go:build anvilhot

package reply

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/devpage"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// Pages answers with all that is known of a fault.
type Pages struct {
	Handlers string   // import path of the handlers package, if known
	Hot      []string // import paths of the hot packages
	Dir      string   // that is served
	Sources  regular.Sources
}

// Answer writes what went wrong in the form that the client reads best. Who
// asks for another host than this machine may be a page of a stranger, and is
// told as little as in production.
func (p *Pages) Answer(w http.ResponseWriter, r *http.Request, f Fault) {
	if !devpage.Local(r) {
		f = Fault{Status: f.Status, Title: http.StatusText(f.Status),
			Detail: "What went wrong is told in the terminal or editor, and to requests for localhost."}
		if PrefersText(r) {
			WriteText(w, f)
		} else {
			WriteProblem(w, f)
		}
		return
	}
	switch Preferred(r) {
	case "html":
		devpage.Secure(w.Header())
		var b strings.Builder
		if err := p.page(r, f).Write(&b); err != nil {
			WriteText(w, f)
			return
		}
		writeAnswer(w, f.Status, "text/html; charset=utf-8", []byte(b.String()))
	case "json":
		WriteProblem(w, f)
	default:
		WriteText(w, f)
	}
}

// page returns what a person sees.
func (p *Pages) page(r *http.Request, f Fault) devpage.Page {
	page := devpage.Page{Title: fmt.Sprintf("%d %s", f.Status, f.Title), Message: f.Detail}
	page.Note = fmt.Sprintf("This page comes from anvil-lsp, not from the application; generation %d answered. ",
		f.Generation)
	if r.Method == http.MethodGet { // anything else must not be sent again by itself
		page.Version = Version(f.Generation)
		page.Note += "It gives way by itself when other code is live."
	} else {
		page.Note += "When other code is live, send the request again."
	}
	if f.Position.File != "" {
		page.Problems = []devpage.Problem{{
			Where:  p.location(f.Position.File, f.Position.Line),
			Source: p.excerpt(f.Position, f.Frames, f.Made),
		}}
	}
	for _, frame := range f.Frames {
		page.Stack = append(page.Stack, devpage.Frame{
			Function: symbol.StripGeneration(frame.Function), Where: p.location(frame.File, frame.Line), Own: p.own(frame),
		})
	}
	return page
}

// around is how many lines of source are shown before and after one.
const around = 3

// excerpt returns the source around a place, if it is the user's own, may be
// shown, and is still what the code was compiled from.
func (p *Pages) excerpt(at manifest.Position, frames []manifest.Frame, made time.Time) []devpage.SourceLine {
	mine := slices.ContainsFunc(frames, func(f manifest.Frame) bool {
		return f.File == at.File && f.Line == at.Line && p.own(f)
	})
	if info, err := os.Stat(at.File); !mine || err != nil || info.ModTime().After(made) {
		return nil
	}
	text, err := p.Sources.Read(at.File)
	if err != nil {
		return nil
	}
	return devpage.Excerpt(text, at.Line-around, at.Line+around, at.Line)
}

// own reports a call in a package of the program's own: it is main or hot, or its
// file is below the directory that is served.
func (p *Pages) own(f manifest.Frame) bool {
	if !stack.IsUser(f) {
		return false
	}
	pkg := f.Package()
	return pkg == "main" || slices.Contains(p.Hot, pkg) || pkg == p.Handlers || p.inside(f.File)
}

func (p *Pages) inside(file string) bool {
	rel, err := filepath.Rel(p.Dir, file)
	return p.Dir != "" && err == nil && filepath.IsLocal(rel)
}

// location returns a line of a file as a person names it.
func (p *Pages) location(file string, line int) string {
	slashed := filepath.ToSlash(file)
	if _, module, ok := strings.Cut(slashed, "/pkg/mod/"); ok {
		file = module
	} else if root, ok := strings.CutPrefix(slashed, stack.StandardRoot); ok && stack.StandardRoot != "" {
		file = root
	} else if p.inside(file) {
		file, _ = filepath.Rel(p.Dir, file)
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// Version is what a page shows that a generation is to blame for.
func Version(generation int) string { return fmt.Sprintf("generation %d", generation) }
