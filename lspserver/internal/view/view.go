// Package view is what the language server knows at one moment: the client, the
// open documents, and each application with its prediction and its live server.
// A [View] does not change, so answers are computed from it concurrently, without
// a lock.
package view

import (
	"path/filepath"
	"slices"

	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
)

// View is everything that a request may look at, as it was when the request
// arrived. It does not change.
type View struct {
	Client  Client
	Folders []*Folder // sorted by directory

	Documents *DocumentSet
}

// Folder is what is known of one application. It does not change.
type Folder struct {
	URI uri.URI // of the application's directory, as the editor names it
	Dir string  // the same as a real path
	// Settings are those of the workspace folder that it is in.
	Settings Settings
	Status   Status // as the client is told
	// Engine is what the engine says of itself; its zero value while there is none.
	// Engine.Live is as old as the last look at the live server.
	Engine control.Status
	// Manifest is that of the live generation; nil if nothing is live.
	Manifest *manifest.Manifest
	// Prediction is the newest prediction; nil if there is none yet. Its Report is
	// never nil. Its positions
	// are those of the documents in Versions, and of the files on disk.
	Prediction *engine.Prediction
	Versions   map[string]int32 // by path

	Given    string          // the directory as the editor names it
	Counters *Counters       // of the live server's routes
	Basis    *DocumentSet    // the documents that Prediction was made for
	Dirs     map[string]bool // of the application's packages, as far as they are known
}

// Document returns an open document; nil if it is not open.
func (v *View) Document(u uri.URI) *Document { return v.Documents.ByURI[u] }

// Folder returns the application that a file belongs to; nil if there is none.
// Of nested ones it is the innermost. A file outside of their directories may be
// one of a package that a go.work joins.
func (v *View) Folder(path string) *Folder {
	var best *Folder
	for _, f := range v.Folders {
		if path != "" && paths.Below(path, f.Dir) && (best == nil || len(f.Dir) > len(best.Dir)) {
			best = f
		}
	}
	for _, f := range v.Folders {
		if best == nil && path != "" && f.Dirs[filepath.Dir(path)] {
			best = f
		}
	}
	return best
}

// Current reports whether the positions of a folder's Prediction in a document
// still hold.
func (v *View) Current(f *Folder, d *Document) bool {
	if f.Prediction == nil {
		return false
	}
	version, ok := f.Versions[d.Path]
	return ok && version == d.Version
}

// URI returns how the editor names a file.
func (v *View) URI(path string) uri.URI { return uriOf(v.Documents, v.Folders, path) }

func uriOf(docs *DocumentSet, folders []*Folder, path string) uri.URI {
	if d := docs.ByPath[path]; d != nil {
		return d.URI
	}
	for _, f := range folders {
		if f.Given != f.Dir && paths.Below(path, f.Dir) {
			return uri.File(f.Given + path[len(f.Dir):])
		}
	}
	return uri.File(path)
}

// Mapper returns the mapper of a file: of the document if it is open, else of
// what is on disk.
func (v *View) Mapper(path string) *text.Mapper {
	return mapperOf(v.Documents, v.Client.Encoding, path)
}

func mapperOf(docs *DocumentSet, e text.Encoding, path string) *text.Mapper {
	if d := docs.ByPath[path]; d != nil {
		return d.Mapper()
	}
	data, err := regular.Read(path, regular.MaxSource)
	if err != nil {
		data = nil
	}
	return text.NewMapper(data, e)
}

// LiveRoute returns a route of the live generation;
// nil if there is none.
func (f *Folder) LiveRoute(k manifest.RouteKey) *manifest.Route {
	if f.Manifest == nil {
		return nil
	}
	i := slices.IndexFunc(f.Manifest.Routes, func(r manifest.Route) bool { return r.Key() == k })
	if i < 0 {
		return nil
	}
	return &f.Manifest.Routes[i]
}
