package compile

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
	"github.com/anvilforge/anvil-lsp/internal/build/thin"
)

// Differences are what has changed in the source of packages, as far as it matters
// to the packages that import them.
type Differences struct {
	// files are those that differ.
	files map[string]bool
	// bodies are the functions of a package whose bodies differ, f or T.m, if nothing else does.
	bodies map[string][]string
	// others are packages in which more differs.
	others map[string]bool
	// moved are the functions of a package that are no more where they were.
	moved map[string]map[string]bool
}

// NewDifferences returns none.
func NewDifferences() *Differences {
	return &Differences{files: map[string]bool{}, bodies: map[string][]string{}, others: map[string]bool{},
		moved: map[string]map[string]bool{}}
}

// Compare takes up how a package differs from what it was, which may be nil.
func (e *Differences) Compare(before, p *golist.Package, was, now map[string]syntax.File) {
	path := p.ImportPath
	if before == nil || !slices.Equal(before.Inputs(), p.Inputs()) || before.ModuleID() != p.ModuleID() {
		e.others[path] = true
	}
	for _, file := range p.Inputs() {
		old, had := was[file]
		src := now[file]
		if had && old.Content == src.Content {
			continue
		}
		e.files[file] = true
		if !strings.HasSuffix(file, ".go") { // it is embedded
			continue
		}
		bodies, ok := syntax.EditedBodies(old, src)
		// Positions in a file with //line directives name another file.
		if !had || !ok || len(old.Lines) > 0 || len(src.Lines) > 0 {
			e.others[path] = true
		}
		e.bodies[path] = append(e.bodies[path], bodies...)
		if e.moved[path] == nil {
			e.moved[path] = map[string]bool{}
		}
		for _, function := range syntax.MovedFunctions(old, src) {
			e.moved[path][function] = true
		}
	}
}

// hasMoved reports whether a function of a package that differs, or the one that it
// is in, has other lines. Its name is as in a symbol, with or without what tells
// where a receiver is a pointer.
func (e *Differences) hasMoved(path, function string) bool {
	moved := e.moved[path]
	if len(moved) == 0 {
		return false
	}
	function = strings.NewReplacer("(*", "", "(", "", ")", "").Replace(function)
	if i := strings.IndexByte(function, '['); i >= 0 { // F[...] or T[...].m
		rest := function[strings.LastIndexByte(function, ']')+1:]
		if function = function[:i]; strings.HasPrefix(rest, ".") {
			function += rest
		}
	}
	for end := 0; end < len(function); { // of f.func1.2 and T.m.func1
		next := strings.IndexByte(function[end+1:], '.')
		if next < 0 {
			break
		}
		end += 1 + next
		if moved[function[:end]] {
			return true
		}
	}
	return moved[function]
}

// ExportChange is how what an archive tells importers differs from an earlier one.
type ExportChange int

const (
	ExportsSame  ExportChange = iota
	ExportsMoved              // the same, but for positions in files that differ
	ExportsChanged
)

// Substitute compares what an archive of a package tells its importers with what an
// earlier one does, and if that is the same makes it one that they can be linked
// with. others says that an import tells it more than before.
func (e *Differences) Substitute(path, earlier, archive string, others bool) (ExportChange, error) {
	before, err := os.ReadFile(earlier)
	data, err2 := os.ReadFile(archive)
	if err := errors.Join(err, err2); err != nil {
		return ExportsChanged, fmt.Errorf("reading a compiled package: %w", err)
	}
	exports, err := e.compareExports(path, archive, before, data, others)
	if err != nil || exports != ExportsMoved {
		return exports, err
	}
	if err := thin.CopyFingerprint(archive, data, before); err != nil {
		return ExportsChanged, nil // and another format
	}
	if err := os.WriteFile(archive, data, 0o666); err != nil {
		return ExportsChanged, gocmd.WriteError(err)
	}
	return ExportsMoved, nil
}

// compareExports compares what two archives of a package tell its importers. What it tells of
// what others tell it, as the value of a constant, need not show in its own source.
func (e *Differences) compareExports(path, archive string, was, now []byte, others bool) (ExportChange, error) {
	x, err := thin.ReadExports(archive, was)
	if err != nil {
		return ExportsChanged, err
	}
	y, err := thin.ReadExports(archive, now)
	switch {
	case err != nil:
		return ExportsChanged, err
	case x.Equal(y):
		return ExportsSame, nil
	case others && y.Alike(x):
		return ExportsMoved, nil // under the fingerprint of before
	case others:
		return ExportsChanged, nil
	case e.others[path] || !x.Known() || !y.Moved(x):
		return ExportsChanged, nil
	}
	for _, body := range slices.Concat(x.Bodies(), y.Bodies()) {
		if body.Package == path && slices.Contains(e.bodies[path], body.Func) {
			return ExportsChanged, nil
		}
	}
	return ExportsMoved, nil
}

// Unmoved reports whether nothing in an archive has a position that is another now,
// neither its code nor what it passes on to its importers.
func (e *Differences) Unmoved(archive string) bool {
	data, err := os.ReadFile(archive)
	if err != nil {
		return false
	}
	exports, err := thin.ReadExports(archive, data)
	if err != nil || !exports.Known() {
		return false
	}
	for _, body := range exports.Bodies() {
		differs := slices.ContainsFunc(body.Files, func(f string) bool { return e.files[f] })
		if differs && (body.Func == "" || e.hasMoved(body.Package, body.Func)) {
			return false
		}
	}
	var prefixes []string // of the names of functions of packages that differ
	paths := map[string]string{}
	for path := range e.moved {
		prefix := thin.SymbolPath(path) + "."
		prefixes = append(prefixes, prefix)
		paths[prefix] = path
	}
	same := true
	err = thin.Code(archive, data, func(name string) bool {
		for _, prefix := range prefixes {
			if at := strings.Index(name, prefix); at >= 0 && e.hasMoved(paths[prefix], name[at+len(prefix):]) {
				same = false
			}
		}
		return same
	})
	return err == nil && same
}
