package rewrite

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

func writeFile(name string, data []byte) error { return os.WriteFile(name, data, 0o666) }

// TestDiff compares random texts of few different lines.
func TestDiff(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	text := func() []byte {
		var b strings.Builder
		for range rnd.IntN(12) {
			b.WriteString(strings.Repeat(string(rune('a'+rnd.IntN(4))), rnd.IntN(3)))
			if rnd.IntN(9) > 0 {
				b.WriteByte('\n')
			}
		}
		return []byte(b.String())
	}
	for range 5000 {
		x, y := text(), text()
		edits := Diff(x, y)
		got, err := apply(x, asEdits(edits))
		if err != nil || !bytes.Equal(got, y) {
			t.Fatalf("%q to %q: %v gives %q, %v", x, y, edits, got, err)
		}
		if bytes.Equal(x, y) && len(edits) > 0 {
			t.Fatalf("%q: %v", x, edits)
		}
	}
}

func TestKebab(t *testing.T) {
	for name, want := range map[string]string{
		"showPost": "show-post", "ShowHTMLPage": "show-html-page", "home": "home", "GetURL": "get-url", "show_post": "show-post", "V2Users": "v2-users", "größe": "größe",
	} {
		if got := kebab(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestOnlyRegisters: the name of a package is not always the end of its path.
func TestOnlyRegisters(t *testing.T) {
	const file = `package main
import "example.com/handlers/v2"
var _, _ = handlers.AnvilRegisterRoutes, %s
`
	for use, ok := range map[string]bool{"handlers.Reset": false, "v2.Reset": true, "0": true} {
		err := onlyRegisters([][]byte{[]byte(strings.ReplaceAll(file, "%s", use))}, "example.com/handlers/v2", "handlers")
		if (err == nil) != ok {
			t.Errorf("%s: %v", use, err)
		}
	}
}
