package build

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Drafts makes snapshots of code that is being written: of the files on disk
// with unsaved buffers in their place, without asking the go command. It keeps
// what it has read. It is for one user at a time.
type Drafts struct {
	builder *Builder
	disk    map[string]diskFile
	buffers map[string]syntax.File
}

// diskFile is a file as it was when it had a size and a time of change.
type diskFile struct {
	size    int64
	changed time.Time
	source  syntax.File
}

// NewDrafts returns a Drafts for an application.
func NewDrafts(b *Builder) *Drafts {
	return &Drafts{builder: b, disk: map[string]diskFile{}, buffers: map[string]syntax.File{}}
}

// Draft returns the snapshot of the code as it would be if the buffers, given
// by absolute path, were saved. s is the newest snapshot there is. Of imports
// that are new nothing is known, and of module files only that they differ.
func (d *Drafts) Draft(s *Snapshot, buffers map[string][]byte) *Snapshot {
	next := *s
	graph := *s.graph
	next.graph = &graph
	graph.Packages = maps.Clone(s.graph.Packages)
	next.sources = maps.Clone(s.sources)
	known := map[string]syntax.File{}
	buffer := func(path string) (syntax.File, bool) {
		data, ok := buffers[path]
		if !ok {
			return syntax.File{}, false
		}
		now := d.digest(path, data, s.sources[path], d.buffers[path])
		known[path] = now
		return now, true
	}
	for path := range s.sources {
		if now, ok := buffer(path); ok {
			next.sources[path] = now
		} else if now, ok := d.read(path, s.sources[path]); ok {
			next.sources[path] = now
		} else {
			delete(next.sources, path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(buffers)) {
		if !strings.HasSuffix(path, ".go") || syntax.IgnoredGoName(filepath.Base(path)) {
			continue
		}
		if p := s.PackageIn(filepath.Dir(path)); p != nil {
			if _, ok := next.sources[path]; !ok {
				next.sources[path], _ = buffer(path)
			}
			d.assign(&next, p.ImportPath, path, buffers[path])
		}
	}
	for _, path := range s.graph.Order {
		if p := next.graph.Packages[path]; p.Local() {
			next.graph.Packages[path] = p.Without(func(f string) bool { _, ok := next.sources[f]; return !ok })
		}
	}
	d.buffers = known
	for path, now := range next.sources {
		if now.Native() != s.sources[path].Native() {
			next.boundary = golist.NewBoundary(next.graph, s.boundary.Handlers, nativeIn(next.sources))
			break
		}
	}
	return &next
}

// digest digests a text, unless it is one that was digested before.
func (d *Drafts) digest(path string, data []byte, before ...syntax.File) syntax.File {
	sum := syntax.Sum(sha256.Sum256(data))
	for _, s := range before {
		if s.Content == sum {
			return s
		}
	}
	return syntax.Digest(path, data, len(before) > 0 && before[0].Opaque)
}

// read digests a file, unless it is as it was. It reports false if there is none.
func (d *Drafts) read(path string, newest syntax.File) (syntax.File, bool) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return syntax.File{}, false
	}
	if err != nil {
		return newest, true
	}
	was, ok := d.disk[path]
	if ok && was.size == info.Size() && was.changed.Equal(info.ModTime()) {
		return was.source, true
	}
	var now syntax.File
	if strings.HasSuffix(path, ".go") || syntax.ModuleFile(path) {
		var data []byte
		if data, err = regular.Read(path, regular.MaxSource); err == nil {
			now = d.digest(path, data, newest, was.source)
		}
	} else {
		now, err = syntax.Read(path, newest.Opaque)
	}
	if err != nil {
		return newest, true
	}
	// A file that changed just now may change again without a later time.
	if time.Since(info.ModTime()) > time.Second {
		d.disk[path] = diskFile{info.Size(), info.ModTime(), now}
	}
	return now, true
}

// assign adds a file to its package or takes it out, as its build constraints say.
func (d *Drafts) assign(s *Snapshot, pkg, path string, data []byte) {
	p := s.graph.Packages[pkg]
	name := filepath.Base(path)
	match, err := gocmd.Matcher(d.builder.tools.BuildContext())(path, data)
	in := slices.Contains(p.GoFiles, name)
	if err != nil || match == in || slices.Contains(p.CgoFiles, name) {
		return
	}
	q := *p
	if match {
		q.GoFiles = slices.Sorted(slices.Values(append(slices.Clone(p.GoFiles), name)))
	} else {
		q.GoFiles = slices.DeleteFunc(slices.Clone(p.GoFiles), func(f string) bool { return f == name })
	}
	s.graph.Packages[pkg] = &q
}

// Against says what the code of s, a draft, means for a live server that runs
// the code of live. newest is what the draft was made of.
func (s *Snapshot) Against(live, newest *Snapshot) *Plan {
	plan := &Plan{next: s}
	plan.compare(live)
	for _, path := range slices.Sorted(maps.Keys(s.sources)) {
		was, ok := newest.sources[path]
		if newest.graph.ModuleFile(path) && ok && was.Tokens != s.sources[path].Tokens {
			plan.Reasons = append(plan.Reasons, manifest.Diagnose(manifest.CodeModuleChanged, manifest.Position{File: path},
				"%s changed, and may choose other versions of modules", filepath.Base(path)))
		}
	}
	plan.decide()
	return plan
}

// Edit is a declaration in which the code differs from what is live.
type Edit = syntax.Edit

// Edits returns the declarations of the application that differ from those of live, or are new,
// sorted by package and place. Imports are left out: what they are needed for is among them.
func (s *Snapshot) Edits(live *Snapshot) []syntax.Edit {
	var out []syntax.Edit
	for _, path := range s.graph.Order {
		p := s.graph.Packages[path]
		if !p.Local() {
			continue
		}
		for _, file := range p.SourceFiles() {
			was, now := live.sources[file], s.sources[file]
			if was.Tokens != now.Tokens {
				out = append(out, syntax.Edits(file, was, now)...)
			}
		}
	}
	return out
}
