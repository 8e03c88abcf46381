package engine

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/devpage"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
)

// FrontHeader marks an answer that comes from the engine, not from the application.
const FrontHeader = devpage.HeaderVersion

// front answers requests while no live server can: a page that says what is wrong and reloads
// itself when the application is back, or the same as plain text for other clients. The status is
// 503, because the request was not handled and may be sent again.
func (e *Engine) front(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	s, doing := e.status, e.progress
	e.mu.Unlock()
	page := devpage.Page{
		Title: frontTitle(s), Version: string(s.State),
		Note: "This page comes from anvil-lsp and gives way to the application by itself.",
	}
	if s.Last != nil {
		page.Version = fmt.Sprint(s.Last.Time.UnixNano())
		page.Message = s.Last.Message
	}
	page.Busy = s.State == control.StateBuilding || s.State == control.StateRestarting
	page.Doing = doing
	for _, d := range s.Problems {
		page.Problems = append(page.Problems, e.frontProblem(d))
	}
	h := w.Header()
	h.Set(FrontHeader, page.Version)
	if page.Busy && devpage.Local(r) {
		h.Set(devpage.HeaderDoing, url.PathEscape(doing))
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Retry-After", "1")
	devpage.Secure(h)
	if !devpage.Local(r) {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "anvil-lsp: %s; what is wrong is said to requests for localhost only\n", page.Title)
		return
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		// Whoever asked for plain text may be looking at a terminal.
		fmt.Fprintf(w, "anvil-lsp: %s\n", page.Title)
		if doing != "" {
			fmt.Fprintln(w, visible.Text(doing))
		}
		if page.Message != "" {
			fmt.Fprintln(w, visible.Text(page.Message))
		}
		for _, d := range s.Problems {
			d.Position = e.nearby(d.Position)
			fmt.Fprintln(w, visible.Text(d.String()))
		}
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusServiceUnavailable)
	if err := page.Write(w); err != nil {
		fmt.Fprintf(w, "anvil-lsp: %s", template.HTMLEscapeString(err.Error()))
	}
}

func frontTitle(s control.Status) string {
	switch s.State {
	case control.StateBuilding, control.StateRestarting, control.StateLive:
		return "The application is being built"
	default:
		return "The application cannot run yet"
	}
}

func (e *Engine) frontProblem(d manifest.Diagnostic) devpage.Problem {
	p := devpage.Problem{Message: d.Message, Where: string(d.Code), Detail: d.Detail}
	if d.File == "" {
		return p
	}
	p.Where = e.nearby(d.Position).String() + " · " + p.Where
	if d.Line > 0 {
		if text, err := golist.Sources(e.opts.Dir).Read(d.File); err == nil {
			p.Source = devpage.Excerpt(text, d.Line-2, d.Line+2, d.Line)
		}
	}
	return p
}

// nearby returns a position with a path relative to the application's directory. Of one elsewhere
// only the directory is named that it is in: where the user keeps files is private.
func (e *Engine) nearby(p manifest.Position) manifest.Position {
	if p.File == "" {
		return p
	}
	if rel, err := filepath.Rel(e.opts.Dir, p.File); err == nil && filepath.IsLocal(rel) {
		p.File = rel
	} else {
		p.File = filepath.Join(filepath.Base(filepath.Dir(p.File)), filepath.Base(p.File))
	}
	return p
}
