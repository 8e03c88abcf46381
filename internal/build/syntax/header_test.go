package syntax

import (
	"fmt"
	gobuild "go/build"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// asRead is what go/build says about a file of this text, without and with the
// tag foo.
func asRead(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.go"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, tags := range [][]string{nil, {"foo"}} {
		ctx := gobuild.Default
		ctx.BuildTags = tags
		p, err := ctx.ImportDir(dir, 0)
		_, none := err.(*gobuild.NoGoError)
		fmt.Fprintf(&out, "%s %q %q %q %q %t\n", p.Name, p.GoFiles, p.IgnoredGoFiles,
			slices.Sorted(slices.Values(p.Imports)), slices.Sorted(slices.Values(p.EmbedPatterns)), err != nil && !none)
		for _, d := range p.Directives {
			if strings.HasPrefix(d.Text, "//go:debug") { // the go command heeds no other
				fmt.Fprintln(&out, d.Text)
			}
		}
	}
	return out.String()
}

// TestHeader: texts that go/build reads in different ways have different
// headers, so that the go command is asked again.
func TestHeader(t *testing.T) {
	const mark = "\uFEFF"
	texts := []string{
		"package p\n",
		"//go:build foo\n\npackage p\n",
		"//go:build !foo\n\npackage p\n",
		"/*\n//go:build foo\n*/\n\npackage p\n",
		"/* about */\n//go:build foo\n\npackage p\n",
		"/* about */ //go:build foo\n\npackage p\n",
		"// About.\n\n//go:build foo\n\n// Package p.\npackage p\n",
		"//go:build foo\npackage p\n",
		"package p\n\n//go:build foo\n",
		"package p //go:build foo\n",
		"package p\n\nconst x = `\n//go:build foo\n`\n",
		"//go:build foo\n//go:build foo\n\npackage p\n",
		"//go:build foo\n\n//go:build !foo\n\npackage p\n",
		mark + "//go:build foo\n\npackage p\n",
		mark + "//go:build !foo\n\npackage p\n",
		mark + "//go:build foo\r\n\r\npackage p\r\n",
		mark + "/*\r\n//go:build foo\r\n*/\r\n\r\npackage p\r\n",
		"\t//go:build foo\n\npackage p\n",
		"// go:build foo\n\npackage p\n",
		"//go:buildfoo\n\npackage p\n",
		"// +build foo\n\npackage p\n",
		"// +build foo\npackage p\n",
		"// +build foo\n// about\n\npackage p\n",
		"// +build foo\n/* about */\n\npackage p\n",
		"/* about */\n// +build foo\n\npackage p\n",
		"//+build !foo\n\npackage p\n",
		"//go:build foo\n// +build !foo\n\npackage p\n",
		"//go:debug madvdontneed=1\npackage p\n",
		"package p\n\n//go:debug madvdontneed=1\n",
		"package p\n\nimport _ \"embed\"\n\n//go:embed x.go\nvar x string\n",
		"package p\n\nimport _ \"embed\"\n\n/*\n//go:embed x.go\n*/\nvar x string\n",
		"package p\n\nimport _ \"embed\"\n\nvar x = `\n//go:embed x.go\n`\n",
		"package p\n\nimport _ \"os\"\n",
		"package p\n\n/*\nimport _ \"os\"\n*/\n",
		"package q\n",
	}
	read := make([]string, len(texts))
	for i, text := range texts {
		read[i] = asRead(t, text)
	}
	differ := 0
	for i, a := range texts {
		for j, b := range texts[:i] {
			if read[i] == read[j] {
				continue
			}
			differ++
			if digestHeader([]byte(a)) == digestHeader([]byte(b)) {
				t.Errorf("%q and %q have the same header, but go/build reads\n%sand\n%s", a, b, read[i], read[j])
			}
		}
	}
	if differ < 100 {
		t.Errorf("only %d pairs were compared", differ)
	}
	for _, same := range [][2]string{
		{"package p\n", "// Package p.\npackage p // p\n"},
		{"//go:build foo\n\npackage p\n", mark + "// About.\r\n\r\n//go:build foo\r\n\r\n/* Package p. */\r\npackage p\r\n"},
		{"package p\n", "package p\n\nconst x = `\n//go:build foo\n`\n"},
		{"package p\n", "/*\n//go:build foo\n*/\n\npackage p\n"},
		{"package p\n", "package p\n\n// go:embed x.go\nvar x string\n"},
	} {
		if digestHeader([]byte(same[0])) != digestHeader([]byte(same[1])) {
			t.Errorf("the go command is asked about %q after %q", same[1], same[0])
		}
	}
}
