package feature

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// TestVSCodeProtocol keeps protocol.ts of the VS Code extension equal to the structs: the
// same fields, in their order and of their types. What the server can leave out is
// optional there; more may be.
func TestVSCodeProtocol(t *testing.T) {
	data, err := os.ReadFile("../../../editors/vscode/src/protocol.ts")
	if err != nil {
		t.Fatal(err)
	}
	field := regexp.MustCompile(`(?m)^\t(\w+)(\??): (.*);$`)
	for _, of := range []reflect.Type{
		reflect.TypeFor[view.Status](), reflect.TypeFor[control.Counts](), reflect.TypeFor[Route](), reflect.TypeFor[RouteStats](),
	} {
		_, body, found := strings.Cut(string(data), "\nexport type "+of.Name()+" = {\n")
		body, _, _ = strings.Cut(body, "\n};\n")
		if !found {
			t.Errorf("no type %s", of.Name())
			continue
		}
		var want, got []string
		optional := map[string]bool{}
		for _, m := range field.FindAllStringSubmatch(body+"\n", -1) {
			got = append(got, m[1]+": "+m[3])
			optional[m[1]] = m[2] != ""
		}
		for f := range of.Fields() {
			name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
			if option != "" && !optional[name] {
				t.Errorf("%s.%s is not optional", of.Name(), name)
			}
			is := typescript(f.Type)
			if is == "" { // a type of its own, named or not
				i := slices.IndexFunc(got, func(g string) bool { return strings.HasPrefix(g, name+": ") })
				if i >= 0 {
					is = strings.TrimPrefix(got[i], name+": ")
				}
			}
			want = append(want, name+": "+is)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has\n%q, want\n%q", of.Name(), got, want)
		}
	}
}

// typescript returns the name of a type in protocol.ts; empty for those of structs that
// it does not name.
func typescript(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[view.State]():
		return "LiveState"
	case t.PkgPath() == "time":
		return "string"
	case slices.Contains([]string{"Counts", "RouteStats", "Location"}, t.Name()):
		return t.Name()
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "number"
	}
	return ""
}
