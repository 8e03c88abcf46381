package feature

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/rewrite"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// changeKind names a change of the source.
type changeKind string

const (
	rewriteMove      changeKind = "moveToState"
	rewriteRegister  changeKind = "register"
	rewriteCorrect   changeKind = "correctRegister"
	rewriteDeclare   changeKind = "declareRegister"
	rewriteDeclareIn changeKind = "declareRegisterIn" // of the package that the file names
)

// changeFor computes a change of the source at an offset of a document. The error
// says why it is not possible.
func changeFor(v *view.View, do changeKind, f *view.Folder, d *view.Document, offset int) (*rewrite.Change, error) {
	if do == rewriteDeclareIn {
		return declareIn(v, f, d)
	}
	if f == nil || f.Prediction == nil || !v.Current(f, d) {
		return nil, rewrite.ErrStale
	}
	code := f.Prediction.Report.Code(d.Path)
	if code == nil {
		return nil, errors.New("the file belongs to no hot package")
	}
	if do == rewriteRegister && !inHead(code, d.Path, offset) {
		return nil, errors.New("no function is declared here")
	}
	p, err := rewrite.New(code, func(path string) []byte { return readFile(v, path) })
	if err != nil {
		return nil, err
	}
	switch do {
	case rewriteMove:
		return p.MoveState(d.Path, offset, func() (rewrite.Surroundings, error) { return surroundings(v, f, code) })
	case rewriteRegister:
		return p.RegisterHandler(d.Path, offset, f.Prediction.Report)
	case rewriteCorrect:
		return p.CorrectRegister(d.Path, offset)
	case rewriteDeclare:
		return p.DeclareRegister(d.Path)
	}
	return nil, fmt.Errorf("there is no rewriting %q", do)
}

// inHead reports whether an offset is on the head of a function: most cursors
// are not, and cost nothing.
func inHead(code *source.Code, path string, offset int) bool {
	for _, f := range code.Files {
		if f.Path == path {
			return rewrite.InHead(f, offset)
		}
	}
	return false
}

// readFile returns the text of a file as the editor has it; nil if there is none.
func readFile(v *view.View, path string) []byte {
	if d := v.Documents.ByPath[path]; d != nil {
		return append([]byte{}, d.Text...)
	}
	data, err := regular.Read(path, regular.MaxSource)
	if err != nil {
		return nil
	}
	return data
}

// workspaceEdit is a change as the client takes it.
func workspaceEdit(v *view.View, c *rewrite.Change) *protocol.WorkspaceEdit {
	out := &protocol.WorkspaceEdit{}
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		m := v.Mapper(path)
		var edits []protocol.TextEdit
		for _, e := range rewrite.Diff(m.Text(), c.Files[path]) {
			edits = append(edits, protocol.TextEdit{Range: m.Range(e.From, e.To), NewText: e.Text})
		}
		if !v.Client.DocumentChanges {
			if out.Changes == nil {
				out.Changes = map[uri.URI][]protocol.TextEdit{}
			}
			out.Changes[v.URI(path)] = edits
			continue
		}
		change := &protocol.TextDocumentEdit{TextDocument: protocol.OptionalVersionedTextDocumentIdentifier{
			TextDocumentIdentifier: protocol.TextDocumentIdentifier{URI: v.URI(path)},
		}}
		if d := v.Documents.ByPath[path]; d != nil {
			change.TextDocument.Version = &d.Version
		}
		for _, e := range edits {
			change.Edits = append(change.Edits, &e)
		}
		out.DocumentChanges = append(out.DocumentChanges, change)
	}
	return out
}

// registerNamed returns where a document names a register function of another
// package.
func registerNamed(d *view.Document) (from, to int, ok bool) {
	if !bytes.Contains(d.Text, []byte("."+manifest.RegisterName)) || !bytes.Contains(d.Text, []byte(discover.ServeName)) {
		return 0, 0, false
	}
	_, from, to, ok = rewrite.RegisterOf(d.Text)
	return from, to, ok
}

// declareIn creates the register function that a document names. It asks
// neither the engine nor the go command: without that function nothing is known
// of the application.
func declareIn(v *view.View, f *view.Folder, d *view.Document) (*rewrite.Change, error) {
	path, _, _, ok := rewrite.RegisterOf(d.Text)
	if !ok {
		return nil, errors.New("no register function is named")
	}
	root := paths.ModuleRoot(filepath.Dir(d.Path))
	data, err := regular.Read(filepath.Join(root, "go.mod"), regular.MaxSource)
	if err != nil {
		return nil, err
	}
	module := modfile.ModulePath(data)
	rest, ok := strings.CutPrefix(path+"/", module+"/")
	if module == "" || !ok {
		return nil, fmt.Errorf("%s is in another module", path)
	}
	dir := filepath.Join(root, filepath.FromSlash(rest))
	files, err := builtFiles(v, f, dir)
	if err != nil {
		return nil, err
	}
	return rewrite.DeclareIn(files)
}

// builtFiles returns the texts of the Go files in a directory that a build takes, as
// the editor has them, by path.
func builtFiles(v *view.View, f *view.Folder, dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var tags []string
	if f != nil {
		tags = f.Settings.Tags
	}
	files := map[string][]byte{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			continue
		}
		if data := readFile(v, path); data != nil && discover.Matches(path, data, tags) {
			files[path] = data
		}
	}
	return files, nil
}

// maxScanned bounds how many files are searched for importers of a package.
const maxScanned = 20_000

// surroundings gathers what moving state must know beside the package.
func surroundings(v *view.View, f *view.Folder, code *source.Code) (rewrite.Surroundings, error) {
	out := rewrite.Surroundings{Unchecked: map[string][]byte{}, Keys: map[string]bool{}}
	for _, s := range f.Prediction.Report.State {
		out.Keys[s.Key] = true
	}
	entries, err := os.ReadDir(code.Dir)
	if err != nil {
		return out, err
	}
	for _, e := range entries {
		path := filepath.Join(code.Dir, e.Name())
		if strings.HasSuffix(path, ".go") && !slices.ContainsFunc(code.Files,
			func(f *source.File) bool { return f.Path == path }) {
			out.Unchecked[e.Name()] = readFile(v, path)
		}
	}
	quoted, looked := []byte(strconv.Quote(code.ImportPath)), 0
	for _, root := range importerRoots(v, f, code) {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			switch name := filepath.Base(path); {
			case err != nil:
				return err
			case e.IsDir() && path != root && discover.Skipped(path):
				return filepath.SkipDir
			case e.IsDir() || !strings.HasSuffix(name, ".go") || filepath.Dir(path) == code.Dir:
				return nil
			}
			if looked++; looked > maxScanned {
				return errors.New("the workspace is too large to know who uses the package")
			}
			if data := readFile(v, path); bytes.Contains(data, quoted) {
				out.Importers = append(out.Importers, data)
			}
			return nil
		})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// importerRoots returns the directories of the code that may import a package: the
// application, its module, and the modules of its workspace. None is in another.
func importerRoots(v *view.View, f *view.Folder, code *source.Code) []string {
	all := []string{f.Dir, paths.ModuleRoot(f.Dir), paths.ModuleRoot(code.Dir)}
	for dir := f.Dir; ; dir = filepath.Dir(dir) {
		name := filepath.Join(dir, "go.work")
		if data, err := regular.Read(name, regular.MaxSource); err == nil {
			if work, err := modfile.ParseWork(name, data, nil); err == nil {
				for _, use := range work.Use {
					path := filepath.FromSlash(use.Path)
					if !filepath.IsAbs(path) {
						path = filepath.Join(dir, path)
					}
					all = append(all, path)
				}
			}
			break
		}
		if filepath.Dir(dir) == dir {
			break
		}
	}
	var out []string
	slices.Sort(all)
	for _, dir := range slices.Compact(all) {
		if dir != "" && !slices.ContainsFunc(out, func(other string) bool { return paths.Below(dir, other) }) {
			out = append(out, dir)
		}
	}
	return out
}
