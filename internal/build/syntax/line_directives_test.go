package syntax

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestReadLines: every form of a directive, with the functions around.
func TestReadLines(t *testing.T) {
	const src = `package p

var before = 1 /*line v.y:3:1*/ + two(
	3)

//line page.qtpl:10
func (a *API) list() {
	first()
	second()
//line :20
	//line indented.y:1
	third()
	/*line :7:1*/ fourth()
}

func (m Map[K, V]) get() { /*line ../there.y:5:2*/ f() /*line /x/y.y:8:1*/; g() }

//line page.qtpl:40
//line other.go:3
func last() {
	text := ` + "`a\nb`" + `
	call(text)
}
// line no.y:1
//line nothing
func plain() {}
`
	var got []string
	for _, r := range ReadLines([]byte(src)) {
		got = append(got, fmt.Sprintf("%s: %s:%d is %d, %d", r.Function, r.Said.File, r.Said.Line, r.Real.Line, r.Count))
	}
	want := []string{
		": v.y:3 is 3, 2",
		"(*API).list: page.qtpl:10 is 7, 3",
		"(*API).list: ??:21 is 12, 1", "(*API).list: ??:7 is 13, 2",
		"Map.get: ??:10 is 16, 1", "Map.get: ../there.y:5 is 16, 1", "Map.get: /x/y.y:8 is 16, 1",
		"last: other.go:3 is 20, 5", "plain: other.go:10 is 27, 1", ": other.go:11 is 28, 1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if lines := ReadLines([]byte("package p\n\n// a //line of nothing\nvar A = 1\n")); lines != nil {
		t.Errorf("no directive gives %v", lines)
	}
	if lines := ReadLines([]byte("package p\n\nfunc (\n//line a.y:1\n}}}")); len(lines) == 0 {
		t.Error("what does not parse has directives, too")
	}
}
