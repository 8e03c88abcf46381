package build

import (
	"bytes"
	"cmp"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// mixedError is the go command's complaint about a directory whose files
// belong to several packages.
var mixedError = regexp.MustCompile(`found packages \S+ \(\S+\) and \S+ \(\S+\) in (.+)$`)

// mixedPackages finds the file to blame: the one whose package clause differs
// from that of most others.
func mixedPackages(text string) (manifest.Diagnostic, bool) {
	m := mixedError.FindStringSubmatch(text)
	if m == nil {
		return manifest.Diagnostic{}, false
	}
	names, _ := filepath.Glob(filepath.Join(m[1], "*.go")) // sorted
	byPackage := map[string][]manifest.Position{}
	for _, name := range names {
		if syntax.IgnoredGoName(filepath.Base(name)) {
			continue
		}
		fset := token.NewFileSet()
		if f, err := parser.ParseFile(fset, name, nil, parser.PackageClauseOnly); err == nil {
			at := fset.PositionFor(f.Name.Pos(), false)
			byPackage[f.Name.Name] = append(byPackage[f.Name.Name], manifest.Position{File: name, Line: at.Line, Column: at.Column})
		}
	}
	var pos manifest.Position
	fewest := len(names) + 1
	for _, pkg := range slices.Sorted(maps.Keys(byPackage)) {
		if places := byPackage[pkg]; len(places) < fewest {
			fewest, pos = len(places), places[0]
		}
	}
	return manifest.Diagnose(manifest.CodeCompile, pos, "%s", m[0]), true
}

// moduleFault recognises the go command's complaints about imports for which
// not the code is to blame but a module file.
func (b *Builder) moduleFault(text string) (manifest.Diagnostic, bool) {
	if d, ok := b.oldRuntime(text); ok {
		return d, true
	}
	pos := b.blame(text)
	switch {
	case strings.Contains(text, "missing go.sum entry"):
		pos.File = sumFile(pos.File)
	case strings.Contains(text, "is replaced but not required"):
	default:
		return manifest.Diagnostic{}, false
	}
	d := manifest.Diagnose(manifest.CodeModuleChanged, pos, "%s", text)
	d.Severity = manifest.SeverityError
	return d, true
}

// listed is the go command's complaint about a line of go.work.
var listed = regexp.MustCompile(`module (\S+) listed in go\.work`)

// blame returns the module file that the go command's words are about, and the
// line if they name one.
func (b *Builder) blame(text string) manifest.Position {
	work := b.tools.Env.GOWORK
	if work == "" || work == "off" || b.tools.Env.GOMOD != "" && b.tools.Env.GOMOD != os.DevNull && !strings.Contains(text, "go.work") {
		return manifest.Position{File: cmp.Or(b.tools.ModFile(), b.tools.Env.GOMOD)}
	}
	pos := manifest.Position{File: work}
	m := listed.FindStringSubmatch(text)
	data, err := regular.Read(work, regular.MaxSource)
	if m == nil || err != nil {
		return pos
	}
	file, err := modfile.ParseWork(work, data, nil)
	if err != nil {
		return pos
	}
	// The go command names the directory as seen from where it runs.
	dir := gocmd.Absolute(m[1], b.cfg.Dir)
	for _, use := range file.Use {
		if gocmd.Absolute(use.Path, filepath.Dir(work)) == dir {
			line := use.Syntax // of which the directory is the last token
			at := line.End.Byte - len(line.Token[len(line.Token)-1])
			pos.Line, pos.Column = line.End.Line, at-bytes.LastIndexByte(data[:at], '\n')
		}
	}
	return pos
}

// importPosition returns where a package imports another.
func importPosition(p *Package, path string) manifest.Position {
	for _, name := range p.SourceFiles() {
		fset := token.NewFileSet()
		f, _ := parser.ParseFile(fset, name, nil, parser.ImportsOnly)
		if f == nil {
			continue
		}
		for _, imp := range f.Imports {
			if imp.Path.Value == strconv.Quote(path) {
				at := fset.PositionFor(imp.Pos(), false)
				return manifest.Position{File: name, Line: at.Line, Column: at.Column}
			}
		}
	}
	return manifest.Position{}
}
