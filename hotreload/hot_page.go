//go:build anvilhot

package hotreload

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/reply"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/devpage"
)

// answer writes what went wrong in the form that the client reads best. Who
// asks for another host than this machine may be a page of a stranger, and is
// told as little as in production.
func (d *development) answer(w http.ResponseWriter, r *http.Request, f reply.Fault) {
	if !devpage.Local(r) {
		f = reply.Fault{Status: f.Status, Title: http.StatusText(f.Status), Detail: "What went wrong is told in the terminal or editor, and to requests for localhost."}
		if reply.PrefersText(r) {
			reply.WriteText(w, f)
		} else {
			reply.WriteProblem(w, f)
		}
		return
	}
	switch reply.Preferred(r) {
	case "html":
		devpage.Secure(w.Header())
		var b strings.Builder
		if err := d.page(r, f).Write(&b); err != nil {
			reply.WriteText(w, f)
			return
		}
		reply.WriteAnswer(w, f.Status, "text/html; charset=utf-8", []byte(b.String()))
	case "json":
		reply.WriteProblem(w, f)
	default:
		reply.WriteText(w, f)
	}
}

// page returns what a person sees.
func (d *development) page(r *http.Request, f reply.Fault) devpage.Page {
	page := devpage.Page{Title: fmt.Sprintf("%d %s", f.Status, f.Title), Message: f.Detail}
	page.Note = fmt.Sprintf("This page comes from anvil-lsp, not from the application; generation %d answered. ", f.Generation)
	if r.Method == http.MethodGet { // anything else must not be sent again by itself
		page.Version = version(f.Generation)
		page.Note += "It gives way by itself when other code is live."
	} else {
		page.Note += "When other code is live, send the request again."
	}
	if f.Position.File != "" {
		page.Problems = []devpage.Problem{{
			Where:  d.place(f.Position.File, f.Position.Line),
			Source: d.excerpt(f.Position, f.Frames, f.Made),
		}}
	}
	for _, frame := range f.Frames {
		page.Stack = append(page.Stack, devpage.Frame{
			Function: symbol.StripGeneration(frame.Function), Where: d.place(frame.File, frame.Line), Own: d.own(frame),
		})
	}
	return page
}

// version is what a page shows that a generation is to blame for.
func version(generation int) string { return fmt.Sprintf("generation %d", generation) }

// polled answers the question of a page that is open whether it still holds,
// and reports whether the request was one. No handler sees it.
func (d *development) polled(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get(devpage.HeaderVersion) == "" {
		return false
	}
	w.Header().Set(devpage.HeaderVersion, version(d.loader.state.liveNumber()))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// around is how many lines of source are shown before and after one.
const around = 3

// excerpt returns the source around a place, if it is the user's own, may be
// shown, and is still what the code was compiled from.
func (d *development) excerpt(at manifest.Position, frames []manifest.Frame, made time.Time) []devpage.SourceLine {
	mine := slices.ContainsFunc(frames, func(f manifest.Frame) bool { return f.File == at.File && f.Line == at.Line && d.own(f) })
	if info, err := os.Stat(at.File); !mine || err != nil || info.ModTime().After(made) {
		return nil
	}
	text, err := d.sources.Read(at.File)
	if err != nil {
		return nil
	}
	return devpage.Excerpt(text, at.Line-around, at.Line+around, at.Line)
}

// own reports a call in a package of the program's own: it is main or hot, or its
// file is below the directory that is served.
func (d *development) own(f manifest.Frame) bool {
	if !stack.IsUser(f) {
		return false
	}
	pkg := f.Package()
	return pkg == "main" || slices.Contains(d.from.hot, pkg) || pkg == d.from.handlers || d.inside(f.File)
}

func (d *development) inside(file string) bool {
	rel, err := filepath.Rel(d.dir, file)
	return d.dir != "" && err == nil && filepath.IsLocal(rel)
}

// place returns a line of a file as a person names it.
func (d *development) place(file string, line int) string {
	slashed := filepath.ToSlash(file)
	if _, module, ok := strings.Cut(slashed, "/pkg/mod/"); ok {
		file = module
	} else if root, ok := strings.CutPrefix(slashed, stack.StandardRoot); ok && stack.StandardRoot != "" {
		file = root
	} else if d.inside(file) {
		file, _ = filepath.Rel(d.dir, file)
	}
	return fmt.Sprintf("%s:%d", file, line)
}
