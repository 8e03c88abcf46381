package golist

import (
	"bytes"
	"cmp"
	"errors"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
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
			byPackage[f.Name.Name] = append(byPackage[f.Name.Name],
				manifest.Position{File: name, Line: at.Line, Column: at.Column})
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
func (l *Lister) moduleFault(text string) (manifest.Diagnostic, bool) {
	if d, ok := l.oldRuntime(text); ok {
		return d, true
	}
	pos := l.blame(text)
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
func (l *Lister) blame(text string) manifest.Position {
	work := l.Env.GOWORK
	if work == "" || work == "off" || l.Env.GOMOD != "" && l.Env.GOMOD != os.DevNull &&
		!strings.Contains(text, "go.work") {
		return manifest.Position{File: cmp.Or(l.ModFile(), l.Env.GOMOD)}
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
	dir := gocmd.Absolute(m[1], l.Dir)
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

// FaultsOf reads the go command's words about a package that does not compile.
func (l *Lister) FaultsOf(p *Package, text string) []manifest.Diagnostic {
	if ds := gocmd.ParseErrors(l.Dir, text); len(ds) > 0 {
		return l.Existing(ds, p.Inputs())
	}
	text = strings.TrimSpace(strings.TrimPrefix(text, "# "+p.ImportPath+"\n"))
	return []manifest.Diagnostic{manifest.Diagnose(manifest.CodeCompile, cgoPosition(p, text), "%s", text)}
}

// cgoPosition returns the #cgo directive that the go command's words are about: it names the flags,
// but not where they stand. Where none is found it is the package clause of the first file.
func cgoPosition(p *Package, text string) manifest.Position {
	var pos manifest.Position
	for _, name := range slices.Concat(p.CgoFiles, p.GoFiles) {
		path := filepath.Join(p.Dir, name)
		data, err := regular.Read(path, regular.MaxSource)
		if err != nil {
			continue
		}
		fset := token.NewFileSet()
		f, _ := parser.ParseFile(fset, path, data, parser.ImportsOnly|parser.ParseComments)
		if f == nil {
			continue
		}
		if pos.File == "" {
			pos = manifest.Position{File: path, Line: fset.PositionFor(f.Package, false).Line, Column: 1}
		}
		line := 0
		for row := range strings.Lines(string(data)) {
			line++
			_, directive, ok := strings.Cut(row, "#cgo ")
			_, flags, hasFlags := strings.Cut(directive, ":")
			if ok && hasFlags && slices.ContainsFunc(strings.Fields(flags),
				func(flag string) bool { return strings.Contains(text, flag) }) {
				return manifest.Position{File: path, Line: line, Column: strings.Index(row, "#cgo") + 1}
			}
		}
	}
	return pos
}

// distinct leaves out what says the same again: of each package of a module that
// go.sum lacks the go command complains, with the same advice, or with that to get a
// package of what the advice before would get.
func distinct(faults []manifest.Diagnostic) []manifest.Diagnostic {
	seen := map[string]bool{}
	return slices.DeleteFunc(faults, func(d manifest.Diagnostic) bool {
		key := d.String()
		if _, advice, ok := strings.Cut(d.Message, "; to add:"); ok {
			what, version, _ := strings.Cut(advice, "@")
			for what != "." { // go get example.com/dep/sub, or what is above it
				if seen[d.File+what+"@"+version] {
					return true
				}
				what = path.Dir(what)
			}
			key = d.File + advice
		}
		again := seen[key]
		seen[key] = true
		return again
	})
}

// packageFault turns the go command's error about a package into a diagnostic.
func (l *Lister) packageFault(g *Graph, p *Package) manifest.Diagnostic {
	text := strings.TrimSpace(p.Error.Err)
	// A syntax error has its position in the text.
	if ds := gocmd.ParseErrors(l.Dir, text); len(ds) > 0 {
		return l.Existing(ds[:1], p.Inputs())[0]
	}
	if d, ok := mixedPackages(text); ok {
		return d
	}
	pos := gocmd.ParsePosition(l.Dir, p.Error.Pos)
	if d, ok := l.moduleFault(text); ok {
		if pos.File != "" {
			d.Related = append(d.Related, manifest.Related{Position: pos, Message: "imported here"})
		}
		return d
	}
	var related []manifest.Related
	if stack := p.Error.ImportStack; strings.Contains(text, "import cycle") && len(stack) > 1 {
		cycle := stack[slices.Index(stack, stack[len(stack)-1]):]
		text += ": " + strings.Join(cycle, " → ")
		for i, to := range cycle[1:] {
			from := g.Packages[cycle[i]]
			if from == nil {
				continue
			}
			// Any of the imports may be the one too many.
			pos = importPosition(from, to)
			related = append(related, manifest.Related{Position: pos, Message: "imports " + to})
		}
		related = related[:max(len(related)-1, 0)] // the last one is the place of the finding
	}
	if pos.File == "" && len(p.GoFiles) > 0 {
		pos.File = filepath.Join(p.Dir, p.GoFiles[0])
	}
	d := manifest.Diagnose(manifest.CodeCompile, pos, "%s", text)
	d.Related = related
	return d
}

// ListFailure turns an error of the go command that concerns the module files
// or the code into a *Failure; any other error is returned as it is.
func (l *Lister) ListFailure(err error) error {
	tool, ok := errors.AsType[*gocmd.ToolError](err)
	if !ok {
		return err
	}
	ds := gocmd.ParseErrors(l.Dir, tool.Output)
	for i, d := range ds {
		if base := filepath.Base(d.File); base == "go.mod" || base == "go.work" || d.File != "" && d.File == l.ModFile() {
			ds[i].Code, ds[i].Severity = manifest.CodeModuleChanged, manifest.SeverityError
		}
	}
	if len(ds) == 0 {
		text := strings.TrimSpace(strings.ReplaceAll(tool.Output, "\r", ""))
		if disk := gocmd.DiskFull(text); disk != nil {
			return disk
		}
		d := manifest.Diagnose(manifest.CodeModuleChanged, l.blame(text), "%s", text)
		d.Severity = manifest.SeverityError
		ds = append(ds, d)
	}
	return gocmd.Fail(ds...)
}

// oldRuntime recognises a go.mod that takes the runtime from a checkout as it was
// before the runtime became a module of its own: the go command's complaint, of
// which this is the reason, does not lead there.
func (l *Lister) oldRuntime(text string) (manifest.Diagnostic, bool) {
	if !strings.Contains(text, manifest.RuntimePath) {
		return manifest.Diagnostic{}, false
	}
	file := parseGoMod(l.Env.GOMOD)
	if file == nil {
		return manifest.Diagnostic{}, false
	}
	var old *modfile.Replace
	for _, r := range file.Replace {
		switch r.Old.Path {
		case manifest.RuntimePath:
			return manifest.Diagnostic{}, false
		case path.Dir(manifest.RuntimePath):
			old = r
		}
	}
	if old == nil || old.New.Version != "" {
		return manifest.Diagnostic{}, false
	}
	dir := path.Join(filepath.ToSlash(old.New.Path), path.Base(manifest.RuntimePath))
	if !path.IsAbs(dir) && !filepath.IsAbs(dir) && !strings.HasPrefix(dir, "../") {
		dir = "./" + dir
	}
	pos := manifest.Position{File: l.Env.GOMOD, Line: old.Syntax.Start.Line}
	d := manifest.Diagnose(manifest.CodeModuleChanged, pos,
		"the runtime is a module of its own, %s: run `go mod edit -require %[1]s@v0.0.0 -replace %[1]s=%s`, "+
			"then `go mod tidy`", manifest.RuntimePath, dir)
	d.Severity = manifest.SeverityError
	return d, true
}
