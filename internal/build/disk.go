package build

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Missed returns the files of some directories that are not as they were when the
// snapshot was taken, sorted: what was saved before somebody watched them.
func (s *Snapshot) Missed(dirs []string) []string {
	if len(dirs) == 0 {
		return nil // as at nearly every save
	}
	within := map[string]bool{}
	for _, d := range dirs {
		within[d] = true
	}
	var missed []string
	for path := range s.sources {
		if within[filepath.Dir(path)] && s.Differs(path) {
			missed = append(missed, path)
		}
	}
	for dir := range within {
		entries, _ := os.ReadDir(dir) // what was in one that is gone differs
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if _, known := s.sources[path]; !known && e.Type().IsRegular() && s.adds(path) {
				missed = append(missed, path)
			}
		}
	}
	slices.Sort(missed)
	return missed
}

// adds reports whether a file that the snapshot does not have would be in one that
// is taken now. Of those that are not Go that is not certain, and they are left out.
func (s *Snapshot) adds(path string) bool {
	if base := filepath.Base(path); strings.HasSuffix(base, ".go") {
		p := s.PackageIn(filepath.Dir(path))
		// of a vendored package these are not read
		return p != nil && !syntax.IgnoredGoName(base) && !slices.Contains(p.IgnoredGoFiles, base)
	}
	return s.embedder(path) != nil
}

// ChangedSince reports whether any of some directories, or a file in them that may decide what is
// built, has changed since a moment. It goes by modification times, and in doubt says so.
func ChangedSince(dirs []string, since time.Time) bool {
	const coarse = 50 * time.Millisecond // by which the times of files are behind the clock
	since = since.Add(-coarse)
	after := func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && !info.ModTime().Before(since)
	}
	return slices.ContainsFunc(dirs, func(dir string) bool {
		if after(dir) {
			return true
		}
		entries, _ := os.ReadDir(dir)
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
			path := filepath.Join(dir, e.Name())
			return e.Type().IsRegular() && golist.PossiblyRelevant(path) && after(path)
		})
	})
}

// Differs reports whether a file is not as it was when the snapshot was taken:
// changed, gone, or new.
func (s *Snapshot) Differs(path string) bool {
	was, known := s.sources[path]
	data, err := os.ReadFile(path)
	switch {
	case err != nil:
		return known
	case !known:
		return true
	}
	return was.Content != sha256.Sum256(data)
}

// Removed reports whether what changed is that embedded files were removed, and
// nothing else: who does that often writes them again.
func (s *Snapshot) Removed(files []string) bool {
	return len(files) > 0 && !slices.ContainsFunc(files, func(file string) bool {
		_, err := os.Lstat(file)
		return !errors.Is(err, fs.ErrNotExist) || s.embedder(file) == nil && !s.holds(file)
	})
}

// Unfinished returns the first of the files that is hardly meant to stay as it is, and what makes
// it so, for a person: it was emptied, or it only repeats what other files of its package declare.
func (b *Builder) Unfinished(s *Snapshot, files []string) (file, what string) {
	for _, file := range files {
		if !strings.HasSuffix(file, ".go") || syntax.IgnoredGoName(filepath.Base(file)) {
			continue
		}
		p := s.PackageIn(filepath.Dir(file))
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
func (s *Snapshot) repeats(p *Package, f syntax.File, changed []string) string {
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

// linksTo returns the sources that are links to a file.
func (s *Snapshot) linksTo(file string) []string {
	var out []string
	for path, src := range s.sources {
		if slices.Contains(src.Targets, file) {
			out = append(out, path)
		}
	}
	return out
}

// Links returns the other names of what the go command reached through symbolic
// links: of local source files that are one, and of package directories that are
// one or are in one, both by real path.
func (s *Snapshot) Links() map[string][]string {
	out := map[string][]string{}
	for path, src := range s.sources {
		if n := len(src.Targets); n > 0 {
			out[src.Targets[n-1]] = append(out[src.Targets[n-1]], path)
		}
	}
	for _, p := range s.graph.Packages {
		if !p.Local() {
			continue
		}
		if real, err := filepath.EvalSymlinks(p.Dir); err == nil && real != p.Dir {
			out[real] = append(out[real], p.Dir)
		}
	}
	for _, names := range out {
		slices.Sort(names)
	}
	return out
}

// aliases returns files with the names of the links that lead to them, sorted.
func (s *Snapshot) aliases(files []string) []string {
	out := slices.Clone(files)
	for _, f := range files {
		out = append(out, s.linksTo(f)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
