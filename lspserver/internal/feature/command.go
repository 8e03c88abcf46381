// Package feature computes what the language server answers: hovers, lenses,
// hints, symbols, routes and code actions. Each answer is a function of a
// [view.View], without state of its own.
package feature

import (
	"errors"
	"fmt"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// CommandArgument is the one argument of our commands. All of it is optional.
type CommandArgument struct {
	Folder     uri.URI       `json:"folder,omitzero"`
	Generation int           `json:"generation,omitzero"`
	Fresh      bool          `json:"fresh,omitzero"` // of a restart: without the state of the process before
	Method     string        `json:"method,omitzero"`
	Pattern    string        `json:"pattern,omitzero"`
	Mount      bool          `json:"mount,omitzero"`
	Path       string        `json:"path,omitzero"` // to open in place of the pattern
	Code       manifest.Code `json:"code,omitzero"`
	Decision   string        `json:"decision,omitzero"`
}

func Invalid(format string, args ...any) error {
	return jsonrpc2.Errorf(jsonrpc2.InvalidParams, format, args...)
}

// Failed is the error of a request that was understood but could not be met.
func Failed(err error) error {
	return jsonrpc2.NewError(codeRequestFailed, err.Error())
}

// codeRequestFailed is RequestFailed of the protocol.
const codeRequestFailed jsonrpc2.Code = -32803

// AmbiguousFolder is the error of a request that could be about several applications.
func AmbiguousFolder(v *view.View) error {
	var folders []string
	for _, f := range v.Folders {
		folders = append(folders, string(f.URI))
	}
	return Invalid("there are %d applications: say which folder is meant, of %s", len(folders),
		strings.Join(folders, ", "))
}

// FolderNamed returns the application in or around a folder: one that has packages
// there, if nothing else is. Without a folder it is the only application.
func FolderNamed(v *view.View, folder uri.URI) (*view.Folder, error) {
	if folder == "" {
		switch len(v.Folders) {
		case 0:
			return nil, Failed(errors.New("there is no application in the workspace"))
		case 1:
			return v.Folders[0], nil
		}
		return nil, AmbiguousFolder(v)
	}
	path := view.RealPath(view.PathOf(folder))
	if f := v.Folder(path); f != nil {
		return f, nil
	}
	for _, f := range v.Folders {
		if paths.Below(f.Dir, path) {
			return f, nil
		}
	}
	for _, f := range v.Folders {
		for dir := range f.Dirs {
			if paths.Below(dir, path) {
				return f, nil
			}
		}
	}
	return nil, Failed(fmt.Errorf("there is no application in %s", folder))
}

// JSON makes a JSON value of ours one of the protocol.
func JSON(v any) protocol.LSPAny {
	data, err := protocol.Marshal(v)
	if err != nil {
		return protocol.LSPAny("null")
	}
	return protocol.LSPAny(data)
}
