package view

import (
	"crypto/sha256"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
)

// Document is a version of a text that the editor has open. It does not change.
type Document struct {
	URI     uri.URI
	Path    string // as the go command names it, absolute; empty if it is no file
	Version int32
	Text    []byte
	// Saved is the digest of the text that is known to be on disk; zero if there is
	// no such file.
	Saved [sha256.Size]byte

	Real   string // the path without symbolic links
	Sum    [sha256.Size]byte
	common [sha256.Size]byte // of the last text that was in the buffer and on disk; zero: there was none
	mapper func() *text.Mapper
}

func NewDocument(u uri.URI, path string, version int32, data []byte, e text.Encoding) *Document {
	return &Document{
		URI: u, Path: path, Real: path, Version: version, Text: data, Sum: sha256.Sum256(data),
		mapper: sync.OnceValue(func() *text.Mapper { return text.NewMapper(data, e) }),
	}
}

// Mapper maps positions of the document.
func (d *Document) Mapper() *text.Mapper { return d.mapper() }

// Dirty reports whether the text was changed in the editor since it equalled what
// is on disk, so that saving it would say something.
func (d *Document) Dirty() bool { return d.Sum != d.Saved && d.Sum != d.common }

// Stale reports whether the text was left behind: it equalled what is on disk, and
// it was not edited since that changed or went. It does not count.
func (d *Document) Stale() bool { return d.Sum != d.Saved && d.Sum == d.common }

// WithSaved returns the document with another idea of what is on disk.
func (d *Document) WithSaved(saved [sha256.Size]byte) *Document {
	c := *d
	c.Saved = saved
	if c.Sum == saved {
		c.common = saved
	}
	return &c
}

// After returns the document as the version after another.
func (d *Document) After(before *Document) *Document {
	d.common = before.common
	return d.WithSaved(before.Saved)
}

// Documents are those that are open. Readers take a picture that does not
// change; one goroutine at a time writes.
type Documents struct {
	mu  sync.Mutex // guards writing
	now atomic.Pointer[DocumentSet]
}

// DocumentSet is the open documents at one moment. A document is in byPath under
// each name of its file that a symbolic link gives it.
type DocumentSet struct {
	ByURI  map[uri.URI]*Document
	ByPath map[string]*Document
	Links  Links
}

func (d *Documents) Latest() *DocumentSet {
	if set := d.now.Load(); set != nil {
		return set
	}
	return &DocumentSet{}
}

func (d *Documents) Update(change func(*DocumentSet)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.Latest()
	set := &DocumentSet{ByURI: maps.Clone(old.ByURI), ByPath: maps.Clone(old.ByPath), Links: old.Links}
	if set.ByURI == nil {
		set.ByURI, set.ByPath = map[uri.URI]*Document{}, map[string]*Document{}
	}
	change(set)
	d.now.Store(set)
}

// WithoutStale returns the documents whose text counts: all but those that were left
// behind.
func (set *DocumentSet) WithoutStale() *DocumentSet {
	out := &DocumentSet{ByURI: maps.Clone(set.ByURI), ByPath: maps.Clone(set.ByPath), Links: set.Links}
	maps.DeleteFunc(out.ByURI, func(_ uri.URI, d *Document) bool { return d.Stale() })
	maps.DeleteFunc(out.ByPath, func(_ string, d *Document) bool { return d.Stale() })
	return out
}

// Put keeps a document, in place of an older version, and returns it as it is
// named.
func (d *Documents) Put(doc *Document) (kept *Document) {
	d.Update(func(set *DocumentSet) { kept = set.Put(doc) })
	return kept
}

func (set *DocumentSet) Put(doc *Document) *Document {
	names := set.Links.Names(doc.Real)
	if doc.Path != names[0] {
		c := *doc
		c.Path = names[0]
		doc = &c
	}
	set.ByURI[doc.URI] = doc
	for _, name := range names {
		if name != "" {
			set.ByPath[name] = doc
		}
	}
	return doc
}

func (d *Documents) Remove(u uri.URI) {
	d.Update(func(set *DocumentSet) {
		doc := set.ByURI[u]
		delete(set.ByURI, u)
		if doc == nil || set.ByPath[doc.Path] != doc {
			return
		}
		maps.DeleteFunc(set.ByPath, func(_ string, other *Document) bool { return other == doc })
		var best *Document // it may be open under another name, too
		for _, other := range set.ByURI {
			if other.Real == doc.Real && (best == nil || other.URI < best.URI) {
				best = other
			}
		}
		if best != nil {
			set.Put(best)
		}
	})
}

// DiskSum returns the digest of a file; zero if it cannot be read.
func DiskSum(path string) (sum [sha256.Size]byte) {
	if path == "" {
		return sum
	}
	if data, err := regular.Read(path, regular.MaxSource); err == nil {
		sum = sha256.Sum256(data)
	}
	return sum
}

// Relevant reports whether a file can matter to an application.
func Relevant(path string) bool {
	return strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "go.mod") || strings.HasSuffix(path, "go.work")
}
