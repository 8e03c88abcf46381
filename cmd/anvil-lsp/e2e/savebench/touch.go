package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/e2e/internal/session"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// Touches is what one save in each hot package did.
type Touches struct {
	Dir   string    `json:"dir"`
	Main  string    `json:"main"`
	Time  time.Time `json:"time"`
	Saves []*Touch  `json:"saves"`
	// Without are hot packages without a function that could be edited.
	Without []string `json:"without_functions,omitempty"`
}

// Touch is one save.
type Touch struct {
	Package  string  `json:"package"`
	Function string  `json:"function"`
	Rung     string  `json:"rung"`
	Link     string  `json:"link"` // as the step says; empty for a restart
	Live     Samples `json:"live_ms"`
	// Kept says why the save is not live.
	Kept string `json:"kept,omitempty"`
}

// touch edits the first function of each hot package, once.
func (b *bench) touch(ctx context.Context) (out *Touches, err error) {
	if err := b.chooseMain(ctx); err != nil {
		return nil, err
	}
	packages, err := listPackages(ctx, b.dir, b.mainPackage, b.tags)
	if err != nil {
		return nil, err
	}
	b.edits = newEdits()
	b.say("starting the application")
	s, err := session.Start(ctx, b.session("app.log"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(b.restore(), s.Stop(), err) }()
	status, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	out = &Touches{Dir: b.dir, Main: b.mainPackage, Time: time.Now().UTC().Truncate(time.Second)}
	for _, p := range packages {
		if !slices.Contains(status.Hot, p.ImportPath) {
			continue
		}
		f, ok, err := firstFunction(p)
		if err != nil {
			return nil, err
		}
		if !ok {
			out.Without = append(out.Without, p.ImportPath)
			continue
		}
		b.say("%s.%s", p.ImportPath, f.name)
		one, err := b.touchOnce(ctx, s, f)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", p.ImportPath, f.name, err)
		}
		out.Saves = append(out.Saves, one)
	}
	return out, nil
}

// touchOnce saves an edit, and then the file as it was.
func (b *bench) touchOnce(ctx context.Context, s *session.Session, f function) (*Touch, error) {
	src, err := readSource(f.file)
	if err != nil {
		return nil, err
	}
	b.sources = append(b.sources, src)
	ev, took, err := b.save(ctx, s, &target{function: f, source: src})
	not, kept := errors.AsType[*session.NotLive](err)
	kept = kept && not.Event.Kind == control.EventKept
	if err != nil && !kept {
		return nil, err
	}
	one := &Touch{Package: f.pkg.ImportPath, Function: f.name, Rung: string(ev.Rung), Live: Samples{took}}
	for _, step := range ev.Steps {
		if step.Name == control.StepLink {
			one.Link = step.Detail
		}
	}
	if kept {
		one.Kept = session.Describe(ev)
	}
	if err := src.restore(); err != nil {
		return nil, err
	}
	_, err = s.Live(ctx, f.file)
	if not, ok := errors.AsType[*session.NotLive](err); ok && kept && not.Event.Kind == control.EventUnchanged {
		err = nil // that is what ran all the time
	}
	return one, err
}

// firstFunction returns the first function of a package that has code, if there is
// one.
func firstFunction(p listed) (function, bool, error) {
	for _, name := range p.GoFiles {
		file := filepath.Join(p.Dir, name)
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return function{}, false, err
		}
		for _, d := range f.Decls {
			d, ok := d.(*ast.FuncDecl)
			if !ok || d.Body == nil || len(d.Body.List) == 0 || d.Name.Name == "init" || d.Name.Name == "_" {
				continue
			}
			name := d.Name.Name
			if r := receiver(d); r != "" {
				name = r + "." + name
			}
			return function{name: name, pkg: p, file: file, offset: fset.PositionFor(d.Body.Lbrace, false).Offset + 1}, true, nil
		}
	}
	return function{}, false, nil
}

// write prints the table.
func (t *Touches) write(w io.Writer) error {
	fmt.Fprintf(w, "%s, one save in each hot package, %s\n\n", t.Dir, t.Time.Format(time.RFC3339))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	kinds := map[string]int{}
	thin := 0
	for _, s := range t.Saves {
		fmt.Fprintf(table, "%s\t%s\t%.0f ms\t%s\t%s\n", s.Package, s.Function, milliseconds(s.Live.median()), s.Rung, s.Link)
		switch s.Link {
		case control.LinkThin:
			thin++
		default:
			kinds[s.Rung+" "+s.Link]++
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nlinks: %d of %d thin\n", thin, len(t.Saves))
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(w, "  %d × %s\n", kinds[kind], kind)
	}
	for _, s := range t.Saves {
		if s.Kept != "" {
			fmt.Fprintf(w, "  %s.%s is not live: %s\n", s.Package, s.Function, s.Kept)
		}
	}
	for _, path := range t.Without {
		fmt.Fprintf(w, "  %s has no function with code\n", path)
	}
	return nil
}
