package feature

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// maxLensesPerLine bounds the lenses of a line that registers many routes.
const maxLensesPerLine = 5

// CodeLenses returns the lenses of a document, and what is seen of them.
func CodeLenses(v *view.View, u uri.URI) (any, string) {
	lenses := []protocol.CodeLens{}
	d := v.Document(u)
	if d == nil {
		return lenses, ""
	}
	f := v.Folder(d.Path)
	if f == nil || !f.Settings.CodeLens {
		return lenses, ""
	}
	at := v.Locator(f)
	lenses = append(lenses, registerLenses(at, d)...)
	lenses = append(lenses, routeLenses(at, d)...)
	var seen strings.Builder
	for _, l := range lenses {
		fmt.Fprintf(&seen, "%d %s\n", l.Range.Start.Line, l.Command.Title)
	}
	return lenses, seen.String()
}

// newLens makes a lens of a click.
func newLens(p *view.Locator, where protocol.Range, command string, arg CommandArgument,
	title string) protocol.CodeLens {
	arg.Folder = p.Folder.URI
	return protocol.CodeLens{Range: where, Command: protocol.Command{Title: title, Command: command,
		Arguments: []protocol.LSPAny{JSON(arg)}}}
}

// registerLenses stand above AnvilRegisterRoutes: the state of the live server,
// and what can be done about it.
func registerLenses(p *view.Locator, d *view.Document) []protocol.CodeLens {
	name := topLevelName(p.Ranges(d.Path), manifest.RegisterName)
	if name == nil || !discover.Matches(d.Path, d.Text, p.Folder.Settings.Tags) {
		return nil // or the file is in no build
	}
	where := p.Ranges(d.Path).Span(name)
	lens := func(command, title string) protocol.CodeLens {
		return newLens(p, where, command, CommandArgument{}, title)
	}
	s := &p.Folder.Status
	switch {
	case s.State == view.StateOff:
		return []protocol.CodeLens{lens("anvil.start", "start the live server")}
	case s.State == control.StateDown:
		return []protocol.CodeLens{lens("anvil.showLog", "the live server is down"), lens("anvil.reload", "reload"),
			lens("anvil.restart", "restart")}
	case s.Generation == 0:
		return []protocol.CodeLens{lens("anvil.showLog", "starting …")}
	}
	title := fmt.Sprintf("gen %d · %s", s.Generation, s.URL)
	if s.State == control.StateKept {
		title += " · newer code is kept back"
	}
	if n := len(p.Folder.Engine.Held); n > 0 {
		title += " · " + count(int64(n), "saved file waits", "saved files wait")
	}
	out := []protocol.CodeLens{lens("anvil.openRoute", title), lens("anvil.reload", "reload"),
		lens("anvil.restart", "restart")}
	if earlierGeneration(p.Folder) > 0 {
		out = append(out, lens("anvil.rollback", "rollback"))
	}
	return out
}

// earlierGeneration returns the newest generation of the process before the live
// one; 0 if there is none.
func earlierGeneration(f *view.Folder) int {
	best := 0
	if live := f.Engine.Live; live != nil {
		for _, g := range live.Generations {
			if g.Number < f.Status.Generation {
				best = max(best, g.Number)
			}
		}
	}
	return best
}

// topLevelName returns the name of a function or variable of the file; nil if it
// declares none of that name.
func topLevelName(pl *view.Ranges, name string) *ast.Ident {
	file, tf := pl.Parse()
	if tf == nil {
		return nil
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Recv == nil && decl.Name.Name == name {
				return decl.Name
			}
		case *ast.GenDecl:
			if decl.Tok != token.VAR {
				continue
			}
			for _, spec := range decl.Specs {
				for _, id := range spec.(*ast.ValueSpec).Names {
					if id.Name == name {
						return id
					}
				}
			}
		}
	}
	return nil
}

// routeLenses stand above the registrations in a document. What stands in a
// line that is being edited has none until it is known again what it registers.
func routeLenses(p *view.Locator, d *view.Document) []protocol.CodeLens {
	var out []protocol.CodeLens
	perLine := map[int]int{}
	for _, r := range p.Registrations(d) {
		n := perLine[r.Position.Line]
		perLine[r.Position.Line]++
		where := p.Ranges(d.Path).At(r.Position)
		switch {
		case n < maxLensesPerLine:
			k := r.Route.Key()
			arg := CommandArgument{Method: k.Method, Pattern: k.Pattern, Mount: k.Mount}
			out = append(out, newLens(p, where, "anvil.openRoute", arg, routeSummary(p.Folder, k)))
		case n == maxLensesPerLine:
			out = append(out, newLens(p, where, "anvil.showRoutes", CommandArgument{}, "and more routes"))
		}
	}
	return out
}

// routeSummary says of a route what is worth knowing at a glance.
func routeSummary(f *view.Folder, k manifest.RouteKey) string {
	parts := []string{routeName(k.Method, k.Pattern)}
	switch {
	case f.Status.Generation == 0:
		return parts[0]
	case f.LiveRoute(k) == nil:
		return parts[0] + " · not live yet"
	}
	parts = append(parts, fmt.Sprintf("gen %d", f.Status.Generation))
	s := f.Counters.Of(k)
	if s == nil {
		return strings.Join(parts, " · ")
	}
	parts = append(parts, count(s.Requests, "request", "requests"))
	if s.Errors > 0 {
		parts = append(parts, count(s.Errors, "error", "errors"))
	}
	if s.P50 > 0 {
		parts = append(parts, "p50 "+s.P50.Fine())
	}
	if s.LastStatus != 0 {
		parts = append(parts, fmt.Sprintf("last %d", s.LastStatus))
	}
	return strings.Join(parts, " · ")
}

// routeName names a route for a person.
func routeName(method, pattern string) string {
	if method == "*" {
		method = "ANY"
	}
	return visible.Line(method + " " + pattern)
}

func count(n int64, one, many string) string {
	switch n {
	case 0:
		return "no " + many
	case 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
