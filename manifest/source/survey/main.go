// Command survey follows the registration of routes in public applications as
// the check from source follows the register function, and tells how far it
// came.
//
//	go run ./manifest/source/survey [-v] DIR...
//
// A directory is one of a module that uses chi or net/http; nothing in it is
// written, built or run. The sums say which calls were followed and which were
// given up, by reason. With -v each call is listed, with what it registers.
//
// To see which part of the interpreter a program reaches, build it with
// coverage:
//
//	go build -cover -coverpkg=./manifest/source/... -o survey ./manifest/source/survey
//	GOCOVERDIR=DIR ./survey DIR...
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/types"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/eval"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/findings"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/routers"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

func main() {
	verbose := flag.Bool("v", false, "list each call, with what it registers")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: survey [-v] DIR...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, flag.Args(), *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "survey:", err)
		os.Exit(1)
	}
}

// run surveys the modules in directories. One that cannot be loaded does not keep it
// from the others.
func run(ctx context.Context, w io.Writer, dirs []string, verbose bool) error {
	var sum tally
	var errs []error
	for _, dir := range dirs {
		statements, err := survey(ctx, dir)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", dir, err))
			continue
		}
		var one tally
		for _, s := range statements {
			one.count(s)
			sum.count(s)
			if verbose {
				list(w, s)
			}
		}
		one.print(w, dir)
	}
	if len(dirs) > 1 {
		sum.print(w, "all")
	}
	return errors.Join(errs...)
}

// list prints a statement.
func list(w io.Writer, s routers.Statement) {
	fmt.Fprintf(w, "%s:%d: %s: %s", s.Position.File, s.Position.Line, s.Call, s.Outcome)
	if s.Reason != "" {
		fmt.Fprintf(w, ": %s", s.Reason)
	}
	fmt.Fprintln(w)
	for _, route := range s.Routes {
		fmt.Fprintln(w, "\t"+route)
	}
}

// survey loads the module in a directory, with its dependencies, from source.
func survey(ctx context.Context, dir string) ([]routers.Statement, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	const mode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
		packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedTypesSizes |
		packages.NeedModule
	loaded, err := packages.Load(&packages.Config{
		Context: ctx, Dir: abs, Mode: mode,
		Env: append(os.Environ(), "CGO_ENABLED=0"), // no C compiler is asked
	}, "./...")
	if err != nil {
		return nil, err
	}
	if len(loaded) == 0 {
		return nil, errors.New("no packages")
	}
	for _, p := range loaded {
		if len(p.GoFiles) == 0 && len(p.Errors) > 0 {
			return nil, p.Errors[0]
		}
	}
	// A program without the runtime has none of its types.
	runtime := types.NewPackage(manifest.RuntimePath, "hotreload")
	runtime.MarkComplete()
	var units []*load.Unit
	imported := []*types.Package{runtime}
	for p := range packages.Postorder(loaded) {
		switch {
		case p.Types == nil || p.TypesInfo == nil:
		case routers.IsPackage(p.Types):
			imported = append(imported, p.Types)
		case p.Module != nil: // not of the standard library
			spec := load.Package{ImportPath: p.PkgPath, Name: p.Name, Hot: p.Module.Main}
			units = append(units, load.NewUnit(spec, p.Types, p.TypesInfo, p.Syntax))
		}
	}
	snapshot := load.NewSnapshot(loaded[0].Fset, units, imported)
	found := findings.Find(snapshot, nil)
	return eval.Survey(ctx, eval.World{
		Snapshot: snapshot, Known: runtimeapi.Find(snapshot.Import), Changed: found.Changed, Running: found.Running,
	}), nil
}

// tally counts statements.
type tally struct {
	outcomes map[routers.Outcome]int
	reasons  map[string]int
}

func (t *tally) count(s routers.Statement) {
	if t.outcomes == nil {
		t.outcomes, t.reasons = map[routers.Outcome]int{}, map[string]int{}
	}
	t.outcomes[s.Outcome]++
	if s.Outcome == routers.GivenUp {
		t.reasons[kindOf(s.Reason)]++
	}
}

// kindOf leaves out of a reason what it names.
func kindOf(reason string) string {
	if _, after, ok := strings.Cut(reason, "the handler of "); ok {
		if _, why, ok := strings.Cut(after, " is not known: "); ok {
			reason = "its handler is not known: " + why
		}
	}
	return named.ReplaceAllString(reason, "$1 …")
}

var named = regexp.MustCompile(
	`\b(it comes from|it is a variable of|the source of|it is called by|it is not known what) .*`)

func (t *tally) print(w io.Writer, name string) {
	n := 0
	for _, c := range t.outcomes {
		n += c
	}
	fmt.Fprintf(w, "%s: %d calls", name, n)
	for _, o := range routers.Outcomes() {
		if t.outcomes[o] > 0 {
			fmt.Fprintf(w, ", %d %s", t.outcomes[o], o)
		}
	}
	fmt.Fprintln(w)
	reasons := slices.SortedFunc(maps.Keys(t.reasons), func(a, b string) int {
		return cmp.Or(t.reasons[b]-t.reasons[a], strings.Compare(a, b))
	})
	for _, r := range reasons {
		fmt.Fprintf(w, "\t%d\t%s\n", t.reasons[r], r)
	}
}
