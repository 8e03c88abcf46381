package feature

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"strings"
	"time"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// maxHovered bounds the routes that one hover tells of.
const maxHovered = 5

func Hover(_ context.Context, v *view.View, p *protocol.HoverParams) (any, error) {
	d := v.Document(p.TextDocument.URI)
	if d == nil {
		return nil, nil
	}
	f := v.Folder(d.Path)
	if f == nil || !f.Settings.Hover || f.Prediction == nil {
		return nil, nil
	}
	at := v.Locator(f)
	routes, over := routesUnder(at, d, d.Mapper().Offset(p.Position))
	if len(routes) == 0 {
		return nil, nil
	}
	write := plainText
	kind, rule := protocol.MarkupKindPlainText, "\n"
	if v.Client.HoverMarkdown {
		write, kind, rule = markdownText, protocol.MarkupKindMarkdown, "\n---\n\n"
	}
	var parts []string
	for _, r := range routes[:min(len(routes), maxHovered)] {
		parts = append(parts, write(describeRoute(f, r)))
	}
	if n := len(routes) - maxHovered; n > 0 {
		parts = append(parts, fmt.Sprintf("and %s\n", count(int64(n), "more route", "more routes")))
	}
	return &protocol.Hover{Contents: &protocol.MarkupContent{Kind: kind, Value: strings.Join(parts, rule)},
		Range: &over}, nil
}

// routesUnder returns the routes that an offset in a document is about: those that the
// call around it registers, or whose handler is declared there.
func routesUnder(p *view.Locator, d *view.Document, offset int) (routes []*source.Route, over protocol.Range) {
	pl := p.Ranges(d.Path)
	_, tf := pl.Parse()
	if tf == nil || offset > tf.Size() {
		return nil, over
	}
	pos := tf.Pos(offset)
	for _, r := range p.Registrations(d) {
		call := pl.Call(r.Position)
		if call == nil || !speaksOf(call, pos) {
			continue
		}
		routes, over = append(routes, r.Route), pl.Mapper.Range(tf.Offset(view.NameOf(call)), tf.Offset(call.End()))
	}
	if len(routes) > 0 {
		return routes, over
	}
	name := functionNameAt(pl, pos)
	if name == nil {
		return nil, over
	}
	line, column := pl.Mapper.GoPosition(tf.Offset(name.Pos()))
	for i := range p.Folder.Prediction.Report.Routes {
		r := &p.Folder.Prediction.Report.Routes[i]
		if r.HandlerPosition.File != d.Path {
			continue
		}
		if at, ok := p.Now(r.HandlerPosition); ok && at.Line == line && (at.Column == column || at.Column == 0) {
			routes, over = append(routes, r), pl.Span(name)
		}
	}
	return routes, over
}

// speaksOf reports whether a position in a call is about the call: its name or
// an argument, and not the inside of a function that is an argument.
func speaksOf(call *ast.CallExpr, pos token.Pos) bool {
	if pos < view.NameOf(call) || pos > call.End() {
		return false
	}
	about := true
	for _, arg := range call.Args {
		ast.Inspect(arg, func(n ast.Node) bool {
			if fn, ok := n.(*ast.FuncLit); ok && fn.Body.Pos() < pos && pos < fn.Body.End() {
				about = false
			}
			return about
		})
	}
	return about
}

// functionNameAt returns the name of the function whose declaration's name is at a
// position; nil if there is none.
func functionNameAt(pl *view.Ranges, pos token.Pos) *ast.Ident {
	file, _ := pl.Parse()
	for _, decl := range file.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Name.Pos() <= pos && pos <= fn.Name.End() {
			return fn.Name
		}
	}
	return nil
}

// description is what there is to tell of a route.
type description struct {
	name      string
	handler   string
	signature string
	url       string // to open; empty if there are parameters, or nothing is live
	lines     []string
}

// describeRoute puts together what is known of a route of the source.
func describeRoute(f *view.Folder, r *source.Route) description {
	t := description{name: routeName(r.Method, r.Pattern), handler: r.Handler, signature: r.Signature}
	live := f.LiveRoute(r.Key())
	if live == nil {
		t.lines = append(t.lines, "not live yet"+afterSave(f, r))
		return t
	}
	t.handler, t.signature = live.Handler, live.Signature
	if !Parametric(r.Pattern) {
		t.url = URLOf(f, r.Pattern)
	}
	t.lines = append(t.lines, fmt.Sprintf("live in generation %d", f.Status.Generation)+difference(f, live, r))
	if s := f.Counters.Of(r.Key()); s != nil {
		t.lines = append(t.lines, asked(s)...)
	}
	return t
}

// difference says in what the source differs from what is live, and what a save
// will do.
func difference(f *view.Folder, live *manifest.Route, r *source.Route) string {
	var is string
	switch {
	case r.Broken:
		is = "; the source does not compile"
	case live.Signature != r.Signature:
		is = "; the source has " + r.Signature
	case live.Fingerprint != r.Fingerprint:
		is = "; the source has other types: " + shape.Describe(live.Shape, r.Shape)
	case !source.SameHandler(r.Handler, live.Handler):
		is = "; the source has " + r.Handler
	}
	return is + afterSave(f, r)
}

// afterSave says what a save will do.
func afterSave(f *view.Folder, r *source.Route) string {
	why := ""
	if d := routeBreak(f, r); d != nil {
		why = fmt.Sprintf(" (%s)", d.Code)
	}
	save := "; a save "
	if f.Status.Paused {
		save = "; a save waits until it is asked for, and then "
	}
	switch f.Prediction.Rung {
	case manifest.RungHotSwap:
		if why != "" {
			return save + "swaps the code, without a restart, though the signature changed" + why
		}
		return save + "swaps the code, without a restart"
	case manifest.RungWarmRestart:
		return save + "restarts the live server" + why
	case manifest.RungKeep:
		return save + "keeps the live generation, because of errors" + why
	}
	return ""
}

// asked says what a route was asked for.
func asked(s *control.RouteStats) []string {
	if s.Requests == 0 {
		return []string{"no requests"}
	}
	line := count(s.Requests, "request", "requests")
	if s.Errors > 0 {
		line += ", " + count(s.Errors, "error", "errors")
	}
	if s.InFlight > 0 {
		line += fmt.Sprintf(", %d in flight", s.InFlight)
	}
	if s.P50 > 0 {
		line += ", p50 " + s.P50.Fine()
	}
	out := []string{line}
	if !s.LastTime.IsZero() {
		last := "last request"
		if s.LastPath != "" {
			last += " " + s.LastPath
		}
		answer := "no answer"
		if s.LastStatus != 0 {
			answer = fmt.Sprintf("%d", s.LastStatus)
		}
		out = append(out, fmt.Sprintf("%s: %s in %s at %s, by generation %d", last, answer, s.LastDuration.Fine(),
			clock(s.LastTime), s.LastGeneration))
	}
	if p := s.Panic; p != nil {
		out = append(out, fmt.Sprintf("last panic: %s (%s) at %s, in generation %d", p.Message, p.Request, clock(p.Time),
			p.Generation))
	}
	return out
}

func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

func plainText(t description) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s → %s\n%s\n", visible.Line(t.name), visible.Line(t.handler), visible.Line(t.signature))
	for _, line := range t.lines {
		fmt.Fprintf(&b, "%s\n", visible.Line(line))
	}
	return b.String()
}

func markdownText(t description) string {
	var b strings.Builder
	name := code(t.name)
	if t.url != "" {
		name = linkTo(name, t.url)
	}
	fmt.Fprintf(&b, "**%s** → %s\n\n%s\n\n", name, code(t.handler), codeBlock(t.signature))
	for _, line := range t.lines {
		fmt.Fprintf(&b, "- %s\n", escape(line))
	}
	return b.String()
}
