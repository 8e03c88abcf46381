package rewrite

import (
	"bytes"
	"go/format"
	"testing"
)

// TestImportEdit: an import goes among its like, and what is said about the others
// stays with them.
func TestImportEdit(t *testing.T) {
	const chi, fmt = "github.com/go-chi/chi/v5", "fmt"
	for _, tt := range []struct{ name, text, path, want string }{
		{"a file without imports", "package p\n\nvar x int\n", fmt, "package p\n\nimport \"fmt\"\n\nvar x int\n"},
		{"nothing but the package", "package p", fmt, "package p\n\nimport \"fmt\""},
		{
			"no imports, a comment behind the package", "package p // import \"example.com/p\"\n\n// x is.\nvar x int\n", fmt,
			"package p // import \"example.com/p\"\n\nimport \"fmt\"\n\n// x is.\nvar x int\n",
		},
		{
			"a single import with a comment, its like", "package p\n\nimport \"net/http\" // the web\n", fmt,
			"package p\n\nimport (\n\t\"fmt\"\n\t\"net/http\" // the web\n)\n",
		},
		{
			"a single import with a comment, another kind", "package p\n\nimport \"net/http\" // the web\n", chi,
			"package p\n\nimport (\n\t\"net/http\" // the web\n\n\t\"github.com/go-chi/chi/v5\"\n)\n",
		},
		{
			"a comment behind its like", "package p\n\nimport (\n\t\"bytes\" // buffers\n\n\t\"example.com/x\" // theirs\n)\n", fmt,
			"package p\n\nimport (\n\t\"bytes\" // buffers\n\t\"fmt\"\n\n\t\"example.com/x\" // theirs\n)\n",
		},
		{
			"a doc comment above the first", "package p\n\nimport (\n\t// X is theirs,\n\t// not ours.\n\t\"example.com/x\"\n)\n", fmt,
			"package p\n\nimport (\n\t\"fmt\"\n\n\t// X is theirs,\n\t// not ours.\n\t\"example.com/x\"\n)\n",
		},
		{"no imports in parentheses", "package p\n\nimport ()\n", fmt, "package p\n\nimport (\n\t\"fmt\"\n)\n"},
		{
			"several declarations", "package p\n\nimport \"bytes\"\n\nimport (\n\t\"example.com/x\" // theirs\n)\n\nvar x int\n", chi,
			"package p\n\nimport \"bytes\"\n\nimport (\n\t\"example.com/x\" // theirs\n\t\"github.com/go-chi/chi/v5\"\n)\n\nvar x int\n",
		},
		{
			"C alone", "package p\n\n// #include <errno.h>\nimport \"C\"\n", fmt,
			"package p\n\nimport \"fmt\"\n\n// #include <errno.h>\nimport \"C\"\n",
		},
		{
			"C last", "package p\n\nimport \"bytes\"\n\n// #include <errno.h>\nimport \"C\"\n", fmt,
			"package p\n\nimport (\n\t\"bytes\"\n\t\"fmt\"\n)\n\n// #include <errno.h>\nimport \"C\"\n",
		},
		{
			"C in parentheses", "package p\n\nimport \"bytes\"\n\n// #include <errno.h>\nimport (\n\t\"C\"\n)\n", fmt,
			"package p\n\nimport (\n\t\"bytes\"\n\t\"fmt\"\n)\n\n// #include <errno.h>\nimport (\n\t\"C\"\n)\n",
		},
	} {
		got, err := apply([]byte(tt.text), []edit{importEdit([]byte(tt.text), tt.path)})
		if formatted, formatErr := format.Source(got); formatErr == nil && bytes.HasSuffix(got, []byte("\n")) {
			got = formatted
		}
		if err != nil || string(got) != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s(%v)", tt.name, got, tt.want, err)
		}
	}
}

// TestDeclareInShort: the import and the function begin at the same place, the end
// of the package clause.
func TestDeclareInShort(t *testing.T) {
	const file = "/app/handlers/a.go"
	const want = `package handlers

import "github.com/anvilforge/anvil-lsp/hotreload"

// AnvilRegisterRoutes registers the routes of one generation.
func AnvilRegisterRoutes(r *hotreload.RouteSink) {
}
`
	for _, text := range []string{"package handlers", "package handlers\n", "package handlers \n\n"} {
		c, err := DeclareIn(map[string][]byte{file: []byte(text)})
		if err != nil || string(c.Files[file]) != want {
			t.Errorf("%q: %v\n%s", text, err, c.Files[file])
		}
	}
}
