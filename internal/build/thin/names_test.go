package thin

import "testing"

func TestMangle(t *testing.T) {
	for name, want := range map[string]string{
		"fmt.Sprint":                   "fmt.Sprint",
		"type:int":                     "type:int",
		"type:[]string":                "type:[]string",
		"type:sync.WaitGroup":          "type:bbq+rYCz",
		"type:runtime.moduledata":      "type:runtime.moduledata",
		"type:.eq.struct { a int }":    "type:." + shortHash(".eq.struct { a int }"),
		"a.F[go.shape.struct { x@y }]": "a.F[" + shortHash("go.shape.struct { x@y }") + "]",
		`go:string."a@b"`:              `go:string."a@b"`,
	} {
		if got := mangle(name); got != want {
			t.Errorf("mangle(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestPackageOf(t *testing.T) {
	for name, want := range map[string]string{
		"fmt.Sprint":                             "fmt",
		"net/http.(*Client).Do":                  "net/http",
		"type:*net/http.Client":                  "net/http",
		"type:**a.b/c.T":                         "a.b/c",
		"gopkg.in/yaml%2ev3.Marshal":             "gopkg.in/yaml%2ev3",
		"example.com/a/slices.Map[go.shape.int]": "example.com/a/slices",
		"type:func(net/http.Handler)":            "",
		"type:[]net/http.Cookie":                 "",
		"nothing":                                "",
	} {
		if got := packageOf(name); got != want {
			t.Errorf("packageOf(%q) = %q, want %q", name, got, want)
		}
	}
	for path, want := range map[string]string{"gopkg.in/yaml.v3": "gopkg.in/yaml%2ev3", "net/http": "net/http", "a.b/c%": "a.b/c%25"} {
		if got := SymbolPath(path); got != want {
			t.Errorf("SymbolPath(%q) = %q, want %q", path, got, want)
		}
	}
}
