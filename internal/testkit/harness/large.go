package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// MakeLarge generates an application of two hundred packages: 120 hot ones with
// handlers, in chains of ten that import each other; 77 host packages in chains
// of seven, which main imports; and the three of examples/hello.
func MakeLarge(t testing.TB) string {
	t.Helper()
	dir := CopyApp(t, "hello")
	write := func(name, text string) { testkit.WriteFile(t, filepath.Join(dir, filepath.FromSlash(name)), text) }
	edit := func(name, old, new string) {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || !strings.Contains(string(data), old) {
			t.Fatalf("%s has no %q: %v", name, old, err)
		}
		write(name, strings.Replace(string(data), old, new, 1))
	}
	const module = "example.com/hello"
	var imports, calls, hosts strings.Builder
	for i := range 120 {
		name := fmt.Sprintf("p%03d", i)
		below, use := "", "nil"
		if i%10 > 0 {
			before := fmt.Sprintf("p%03d", i-1)
			below, use = fmt.Sprintf("\n\t%q", module+"/handlers/"+before), before+".Names()"
		}
		write("handlers/"+name+"/"+name+".go", fmt.Sprintf(hotPackage, name, below, use))
		fmt.Fprintf(&imports, "\n\t%q", module+"/handlers/"+name)
		fmt.Fprintf(&calls, "\n\t%s.Register(r)", name)
	}
	for i := range 77 {
		name := fmt.Sprintf("l%03d", i)
		below, use := "", "0"
		if i%7 > 0 {
			before := fmt.Sprintf("l%03d", i-1)
			below, use = fmt.Sprintf("import %q\n", module+"/lib/"+before), before+".Sum(1)"
		} else if i > 0 {
			fmt.Fprintf(&hosts, "\n\t_ %q", module+"/lib/"+fmt.Sprintf("l%03d", i-1))
		}
		write("lib/"+name+"/"+name+".go", fmt.Sprintf(hostPackage, name, below, use))
	}
	fmt.Fprintf(&hosts, "\n\t_ %q", module+"/lib/l076")
	edit("handlers/handlers.go", "\n\t\"example.com/hello/visits\"", imports.String()+"\n\t\"example.com/hello/visits\"")
	edit("handlers/handlers.go", "\tr.Get(\"/time\", now)", "\tr.Get(\"/time\", now)"+calls.String())
	edit("main.go", "\n\t\"example.com/hello/visits\"", hosts.String()+"\n\t\"example.com/hello/visits\"")
	return dir
}

// The end of the declaration of a handler in MakeLarge's hot packages, and one that
// changes its signature: ANV001.
const (
	LargeHandler       = "in Input) (Output, error) {"
	LargeHandlerBroken = "in Input) (Input, error) {\n\tif in.ID > 0 {\n\t\treturn in, nil\n\t}\n\tpanic(0)\n}\n\n" +
		"func typed2(c *hotreload.Ctx, in Input) (Output, error) {"
)

const hotPackage = `// Package %[1]s answers some requests.
package %[1]s

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload"%[2]s
)

// Input is what a request says.
type Input struct {
	ID   int    ` + "`path:\"id\"`" + `
	Name string ` + "`query:\"name\"`" + `
}

// Output is what is answered.
type Output struct {
	Names []string
	Total int
}

// Names are those of this package and of those below.
func Names() []string { return append([]string{"%[1]s"}, %[3]s...) }

// Register registers the routes.
func Register(r *hotreload.RouteSink) {
	r.Group("/%[1]s", func(r *hotreload.RouteSink) {
		r.Get("/", index)
		r.Get("/plain", plain)
		r.Get("/typed/{id}", typed)
		r.Post("/typed/{id}", typed)
	})
}

func index(c *hotreload.Ctx) error { return c.JSON(http.StatusOK, Names()) }

func plain(w http.ResponseWriter, r *http.Request) {
	for i, name := range Names() {
		fmt.Fprintln(w, i, strings.ToUpper(name), r.URL.Path)
	}
}

func typed(c *hotreload.Ctx, in Input) (Output, error) {
	out := Output{Names: Names()}
	for _, name := range out.Names {
		out.Total += len(name) + in.ID
	}
	return out, nil
}
`

const hostPackage = `// Package %[1]s adds.
package %[1]s

%[2]s
// Sum adds the sum of what is below.
func Sum(n int) int {
	for i := range n {
		n += i
	}
	return n + %[3]s
}
`
