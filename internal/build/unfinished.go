package build

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Removed reports whether what changed is that embedded files were removed, and
// nothing else: who does that often writes them anew.
func (s *Snapshot) Removed(files []string) bool {
	return len(files) > 0 && !slices.ContainsFunc(files, func(file string) bool {
		_, err := os.Lstat(file)
		return !errors.Is(err, fs.ErrNotExist) || s.embedder(file) == nil && !s.holds(file)
	})
}

// Unfinished returns the first of the files that is hardly meant to stay as it
// is, and what makes it so, for a person: it was emptied, or it only repeats what
// other files of its package declare.
func (b *Builder) Unfinished(s *Snapshot, files []string) (file, what string) {
	for _, file := range files {
		if !strings.HasSuffix(file, ".go") || syntax.IgnoredGoName(filepath.Base(file)) {
			continue
		}
		p := s.packageIn(filepath.Dir(file))
		if p == nil {
			continue
		}
		data, err := regular.Read(file, regular.MaxSource)
		if err != nil {
			continue
		}
		if strings.TrimSpace(string(data)) == "" {
			return file, "is empty"
		}
		if _, known := s.sources[file]; known {
			continue
		}
		if match, err := gocmd.Matcher(b.tools.BuildContext())(file, data); err != nil || !match {
			continue
		}
		if of := s.repeats(p, syntax.Digest(file, data, false), files); of != "" {
			return file, "only repeats what " + filepath.Base(of) + " declares"
		}
	}
	return "", ""
}

// repeats returns a file of a package that declares what another one does; empty
// if that one has anything of its own. Some of the files have changed.
func (s *Snapshot) repeats(p *golist.Package, f syntax.File, changed []string) string {
	first := ""
	now := map[string][]string{}
	for _, file := range p.SourceFiles() {
		src := s.sources[file]
		if slices.Contains(changed, file) {
			src, _ = syntax.Read(file, src.Opaque) // it may be gone: moved to the new file
		}
		now[file] = src.Declared()
	}
	for _, key := range f.Declared() {
		at := slices.IndexFunc(p.SourceFiles(), func(file string) bool { return slices.Contains(now[file], key) })
		if at < 0 {
			return ""
		}
		first = cmp.Or(first, p.SourceFiles()[at])
	}
	return first
}
