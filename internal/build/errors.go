package build

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
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
)

// ErrDiskFull reports that the output directory has no room.
var ErrDiskFull = errors.New("no space left on the disk that holds the output directory")

// diskFull recognises a tool's complaint about a full disk.
func diskFull(text string) error {
	for line := range strings.Lines(text) {
		if strings.Contains(line, "no space left on device") || strings.Contains(line, "disk quota exceeded") || strings.Contains(line, "file too large") {
			return fmt.Errorf("%w: %s", ErrDiskFull, strings.TrimSpace(line))
		}
	}
	return nil
}

// denied recognises a complaint that something may not be read. It is in the words
// of a tool, or of the system, wherever it comes from.
func denied(text string) bool {
	return strings.Contains(text, "permission denied") || strings.Contains(text, "operation not permitted")
}

// errorLine matches file:line:column: message as the compiler and the go
// command write it; the column may be missing.
var errorLine = regexp.MustCompile(`^(?:go: |vet: )?((?:[A-Za-z]:)?[^:\s][^:]*):(\d+)(?::(\d+))?:\s*(.*)$`)

// parseErrors reads the errors that a Go tool printed. Relative file names are
// relative to dir. Indented lines belong to the error before them.
func parseErrors(dir, output string) []manifest.Diagnostic {
	var ds []manifest.Diagnostic
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "\t") && len(ds) > 0 {
			ds[len(ds)-1].Message += "\n" + line
			continue
		}
		m := errorLine.FindStringSubmatch(line)
		if m == nil || m[4] == "too many errors" || strings.HasPrefix(m[4], "note: ") || strings.HasPrefix(m[4], "warning: ") {
			continue // the latter are a C compiler's
		}
		pos := manifest.Position{File: m[1]}
		if !filepath.IsAbs(pos.File) {
			pos.File = filepath.Join(dir, pos.File)
		}
		pos.Line, _ = strconv.Atoi(m[2])
		pos.Column, _ = strconv.Atoi(m[3])
		// The loader repeats the position in front of a scanner error.
		text := m[4]
		if again := errorLine.FindStringSubmatch(text); again != nil && again[2] == m[2] {
			text = again[4]
		}
		text = strings.TrimPrefix(text, "error: ")
		ds = append(ds, manifest.Diagnose(manifest.CodeCompile, pos, "%s", text))
	}
	return ds
}

// parsePosition reads the go command's file:line:column.
func parsePosition(dir, s string) manifest.Position {
	if s == "" {
		return manifest.Position{}
	}
	if ds := parseErrors(dir, s+": x"); len(ds) > 0 {
		return ds[0].Position
	}
	return manifest.Position{}
}

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
		if ignoredGoName(filepath.Base(name)) {
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
	work := b.env.GOWORK
	if work == "" || work == "off" || b.env.GOMOD != "" && b.env.GOMOD != os.DevNull && !strings.Contains(text, "go.work") {
		return manifest.Position{File: cmp.Or(b.modFile(), b.env.GOMOD)}
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
	dir := absolute(m[1], b.cfg.Dir)
	for _, use := range file.Use {
		if absolute(use.Path, filepath.Dir(work)) == dir {
			line := use.Syntax // of which the directory is the last token
			at := line.End.Byte - len(line.Token[len(line.Token)-1])
			pos.Line, pos.Column = line.End.Line, at-bytes.LastIndexByte(data[:at], '\n')
		}
	}
	return pos
}

// absolute returns a path that is meant as seen from a directory.
func absolute(path, in string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(in, path)
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
