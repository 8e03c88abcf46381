package build

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// longType declares a type with a shape of a long text, which names may mention:
// the compiler would put a hash in its place.
func longType(name string, fields ...string) string {
	for i := range 40 {
		fields = append(fields, fmt.Sprintf("Field%02d map[string][]int", i))
	}
	return "type long" + name + " = struct {\n\t" + strings.Join(fields, "\n\t") + "\n}\n\n// " + name + " has a long shape.\ntype " + name + " long" + name + "\n\n"
}

// TestInstancesOfLongTypes: hot code refers to instances that other packages have
// made, because functions that call them are inlined. Only what was edited is made
// anew.
func TestInstancesOfLongTypes(t *testing.T) {
	const awkward = "Tag int `json:\"a@b,omitempty\" doc:\"ä example.com/app/handlers/views.Page [x] \\\"y\\\" %2e\"`"
	for name, test := range map[string]struct {
		files map[string]string // beside those of the program
		size  string            // what handlers calls
	}{
		"of the package's own function": {map[string]string{
			"store/long.go": "package store\n\nimport \"fmt\"\n\n" + longType("Long") +
				"//go:noinline\nfunc each[T, M any](v T, with M) int { return len(fmt.Sprint(v, with)) }\n\n// Size is.\nfunc Size(l Long) int { return each(l, 1) }\n\nvar _ = Size(Long{})\n",
		}, "store.Size(store.Long{})"},
		"of another package's function": {map[string]string{
			"store/util/util.go": "package util\n\nimport \"fmt\"\n\n// Each is.\n//\n//go:noinline\nfunc Each[T, M any](v T, with M) int { return len(fmt.Sprint(v, with)) }\n",
			"store/long.go": "package store\n\nimport \"example.com/app/store/util\"\n\n" + longType("Long", awkward) +
				"// Size is.\nfunc Size(l Long) int { return util.Each(l, 1) }\n\nvar _ = Size(Long{})\n",
		}, "store.Size(store.Long{})"},
		"of the standard library's": {map[string]string{
			"store/long.go": "package store\n\nimport \"slices\"\n\n" + longType("Long", awkward) +
				"func by(a, b Long) int { return a.Tag - b.Tag }\n\n// Least is.\nfunc Least(ls []Long) Long { return slices.MinFunc(ls, by) }\n\nvar _ = Least([]Long{{}})\n",
		}, "store.Least([]store.Long{{}}).Tag"},
		"of a hot package that is not edited": {map[string]string{
			"store/long.go": "package store\n\n" + longType("Long"),
			"handlers/views/long.go": "package views\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/app/store\"\n)\n\n" + longType("Own", "In store.Long", awkward) +
				"//go:noinline\nfunc show[T any](v T) int { return len(fmt.Sprint(v)) }\n\n// Size is.\nfunc Size(o Own) int { return show(o) }\n",
		}, "views.Size(views.Own{})"},
		"with a hot type in the shape": {map[string]string{
			"store/util/util.go":     "package util\n\nimport \"fmt\"\n\n// Each is.\n//\n//go:noinline\nfunc Each[T any](v T) int { return len(fmt.Sprint(v)) }\n",
			"store/long.go":          "package store\n\nimport \"example.com/app/store/util\"\n\n" + longType("Long") + "var _ = util.Each(1)\n",
			"handlers/views/part.go": "package views\n\n// Part is.\ntype Part struct{ hidden int }\n",
			"handlers/long.go":       "package handlers\n\nimport (\n\t\"example.com/app/handlers/views\"\n\t\"example.com/app/store/util\"\n)\n\n" + longType("Mine", "Part views.Part", "own int") + "func size(m Mine) int { return util.Each(m) }\n",
		}, "size(Mine{})"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, "app.txtar")
			for file, text := range test.files {
				a.write(file, text)
			}
			const more, with = "handlers/views/more.go", "handlers/with.go"
			a.write(more, "package views\n\nfunc more() int { return 1 }\n")
			a.write(with, `package handlers

import (
	"example.com/app/handlers/views"
	"example.com/app/store"
)

func init() {
	size := `+test.size+`
	loads += size - size
	_, _ = views.Page, store.Name
}
`)
			a.start(a.host().Path)
			swap := func(file, from, to string, want ...string) {
				t.Helper()
				res, _ := a.swap(a.edit(file, from, to))
				if !slices.Equal(res.Rebuilt, want) || !res.Thin {
					t.Errorf("made anew: %q, thin: %t (%s); want %q", res.Rebuilt, res.Thin, res.why, want)
				}
			}
			const handlers, views = "example.com/app/handlers", "example.com/app/handlers/views"
			swap(with, "size - size", "2*size - size - size", handlers)
			swap(more, "return 1", "return 2", views, handlers)
			swap(with, "2*size", "size + size", handlers)
		})
	}
}
