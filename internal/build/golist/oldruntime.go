package golist

import (
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// oldRuntime recognises a go.mod that takes the runtime from a checkout as it was
// before the runtime became a module of its own: the go command's complaint, of
// which this is the reason, does not lead there.
func (l *Lister) oldRuntime(text string) (manifest.Diagnostic, bool) {
	if !strings.Contains(text, manifest.RuntimePath) {
		return manifest.Diagnostic{}, false
	}
	data, err := regular.Read(l.Env.GOMOD, regular.MaxSource)
	if err != nil {
		return manifest.Diagnostic{}, false
	}
	file, err := modfile.Parse(l.Env.GOMOD, data, nil)
	if err != nil {
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
