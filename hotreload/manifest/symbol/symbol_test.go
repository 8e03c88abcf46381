package symbol

import (
	"fmt"
	"net/http"
	"reflect"
	"testing"
)

type pair[A, B any] struct {
	first  A
	second B
}

// text is a type as package reflect writes it.
type text string

func (t text) String() string { return string(t) }

func TestNameOf(t *testing.T) {
	for _, test := range []struct {
		of   fmt.Stringer
		want string
	}{
		{reflect.TypeFor[*http.Request](), "*http.Request"},
		{reflect.TypeFor[pair[http.Header, []pair[int, *text]]](), "symbol.pair[http.Header,[]symbol.pair[int,*symbol.text]]"},
		{reflect.TypeFor[struct {
			A int `json:"a/b"`
		}](), `struct { A int "json:\"a/b\"" }`},
		{reflect.TypeFor[map[string]any](), "map[string]interface {}"},
		{text("handlers.Page[gopkg.in/yaml%2ev3.Node]"), "handlers.Page[yaml.v3.Node]"},
		{text("handlers.Page[anvil.g7/example.com/a-b/~c/d%25.T·1]"), "handlers.Page[d%.T]"},
		{text(`struct { A handlers.Page[a/b%2ec.T·2] "doc:\"a/b%2ec.T·2\"" }`), `struct { A handlers.Page[b.c.T] "doc:\"a/b%2ec.T·2\"" }`},
		{nil, "nil"},
	} {
		if got := NameOf(test.of); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestGenerationPaths(t *testing.T) {
	path := GenerationPath(7, "example.com/app/handlers")
	if path != "anvil.g7/example.com/app/handlers" {
		t.Errorf("got %s", path)
	}
	for text, want := range map[string]string{
		path:                    "example.com/app/handlers",
		"*" + path + ".T":       "*example.com/app/handlers.T",
		"x[" + path + ".T,int]": "x[example.com/app/handlers.T,int]",
		"myanvil.g7/x":          "myanvil.g7/x",
		"anvil.g/x":             "anvil.g/x",
	} {
		if got := StripGeneration(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
