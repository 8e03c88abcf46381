package syntax

import (
	"fmt"
	"strings"
	"testing"
)

func TestEdits(t *testing.T) {
	const base = `package p

import "fmt"

const (
	one = iota
	two
)

type T struct{ a int }

var x, y = 1, 2

func (t *T) Show() { fmt.Println(t.a) }

func init() { x++ }

func init() { y++ }

func gone() {}
`
	for _, tt := range []struct{ name, old, new, want string }{
		{"nothing", "", "", ""},
		{"comments and white space", "func gone", "// Hello.\n\n\nfunc gone", ""},
		{"a body", "t.a)", "t.a, t)", "14:13 T.Show"},
		{"below lines that are new", "import \"fmt\"\n", "import \"fmt\"\n\ntype U int\n", "5:6 U"},
		{"one constant of a group", "two", "two = 7", "7:2 two"},
		{"both variables of a declaration", "1, 2", "2, 1", "12:5 x, 12:8 y"},
		{"a type", "a int", "a, b int", "10:6 T"},
		{"the second init", "y++", "y--", "18:6 init"},
		{"an import", `"fmt"`, `"log"`, ""},
		{"gone", "func gone() {}", "", ""},
		{"renamed", "gone", "here", "20:6 here"},
		{"does not parse", "fmt.Println(t.a)", "fmt.Println(t.", "14:13 T.Show"},
		{"two of them", "y++ }\n\nfunc gone() {", "y-- }\n\nfunc gone() { x++", "18:6 init, 20:6 gone"},
	} {
		now := strings.Replace(base, tt.old, tt.new, 1)
		var got []string
		for _, e := range Edits("p.go", digestGo([]byte(base)), digestGo([]byte(now))) {
			got = append(got, fmt.Sprintf("%d:%d %s", e.Position.Line, e.Position.Column, e.Name))
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := Edits("p.go", File{}, digestGo([]byte(base))); len(got) != 9 {
		t.Errorf("a file that is new has %d edits: %v", len(got), got)
	}
}
