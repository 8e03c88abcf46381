package sarif

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "hand lers", "größe.go")
	if err := os.MkdirAll(filepath.Dir(source), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(source, []byte("package handlers\n\nvar größe = fo(1)\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	at := func(line, column int) manifest.Position {
		return manifest.Position{File: source, Line: line, Column: column}
	}
	signature := manifest.Diagnose(manifest.CodeSignature, at(3, 5), "signature of GET / changed")
	signature.Related = []manifest.Related{
		{Position: manifest.Position{File: "/elsewhere/routes.go", Line: 7}, Message: "registered here"}, {Message: "nowhere"},
	}
	report := Report{Version: "v1.2.3", Dir: dir, Source: os.ReadFile, Rung: manifest.RungKeep, Diagnostics: []manifest.Diagnostic{
		manifest.Diagnose(manifest.CodeCompile, at(3, 15), "undefined: fo\n\thave <none>"),
		signature,
		manifest.Diagnose(manifest.CodePackageState, at(3, 0), "größe starts again"),
		manifest.Diagnose(manifest.CodeHostChanged, manifest.Position{File: filepath.Join(dir, "gone.go"), Line: 9, Column: 9}, "gone"),
		manifest.Diagnose(manifest.CodeHostChanged, at(0, 0), "the whole file"),
		manifest.Diagnose(manifest.CodeModuleChanged, manifest.Position{}, "another toolchain"),
	}}
	var out bytes.Buffer
	if err := Write(&out, report); err != nil {
		t.Fatal(err)
	}
	out.WriteString("=== nothing found\n")
	if err := Write(&out, Report{Version: "v1.2.3", Dir: "/src/shop", Rung: manifest.RungHotSwap}); err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(out.String(), fileURI(dir), "file:///src/shop")
	testkit.Golden(t, filepath.Join("testdata", "report.golden"), []byte(got))
}
