package thin

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const renamedText = `package x

type T struct{ A, B string }

func (T) Value() int    { return 1 }
func (*T) Pointer() int { return 2 }

type I interface{ Value() int }

type W struct{ *T }

// Path is text.
const Path = "example.com/a/x"

var V = map[any]string{T{}: Path + ".T", W{}: "example.com/a/x"}

type G[E any] struct{ e E }

func (g G[E]) Get() E { return g.e }

func F(v any) string {
	var i I = &T{}
	defer func() { println(i.Value(), G[T]{}.Get().A, (&G[int]{}).Get(), V[v]) }()
	switch v.(type) {
	case T:
		return "T"
	case *W:
		return "*W"
	}
	return struct{ p map[*T][]W }{}.String()
}

func (w W) Small() int { return 3 }
`

// renamedSource is the text with a method that its last line needs.
var renamedSource = strings.Replace(renamedText, "struct{ p map[*T][]W }{}.String()", "P{}.String()", 1) + `
type P struct{ p map[*T][]W }

func (p P) String() string { return Path }
`

// symbols returns what an object defines, by name: what is in it, and the names
// that it refers to. The hashes of types, which renaming leaves, are blanked; they are
// also in code, of which only the size is compared.
func symbols(t *testing.T, archive string) map[string]string {
	t.Helper()
	objects, err := readObjects(archive)
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	o := objects[0]
	out := map[string]string{}
	for i := range o.defined() {
		name := o.name(i)
		if name == "" || strings.HasPrefix(name, "go:cuinfo.") || strings.HasPrefix(name, "go:info.") {
			continue // debug information
		}
		data := bytes.Clone(o.indexed(i, blockDataIndex, blockData, 1))
		const hash = 16
		if (isType(name) || strings.HasPrefix(name, "go:itab.")) && len(data) >= hash+4 {
			copy(data[hash:hash+4], "hash")
		}
		code := false
		for aux := o.indexed(i, blockAuxIndex, blockAux, auxRecord); len(aux) >= auxRecord; aux = aux[auxRecord:] {
			code = code || aux[0] == auxFuncInfo
		}
		if code {
			data = make([]byte, len(data))
		}
		var to []string
		for r := range o.relocations(i) {
			to = append(to, o.name(o.resolve(r.target())))
		}
		if code { // branches may come in the order of hashes
			slices.Sort(to)
		}
		out[name] = string(data) + "\x00" + strings.Join(to, " ")
	}
	return out
}

// TestRenaming: a renamed object is the one that the compiler writes under the other
// path, but for the hashes of types.
func TestRenaming(t *testing.T) {
	for _, from := range []string{"example.com/a/x", "a/x", "example.com/a/x.v2"} {
		const to = "anvil.g12/example.com/a/y/x.v3"
		plain := compileAs(t, from, renamedSource)
		data, err := os.ReadFile(plain)
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRenaming(map[string]string{from: to, "same": "same"}, []string{"fmt", from + "/sub", "same"})
		if err != nil {
			t.Fatal(err)
		}
		renamed, err := r.Archive(plain, data)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "x.a")
		if err := os.WriteFile(file, renamed, 0o666); err != nil {
			t.Fatal(err)
		}
		got, want := symbols(t, file), symbols(t, compileAs(t, to, renamedSource))
		for name, content := range want {
			if is, ok := got[name]; !ok {
				t.Errorf("%s: there is no %s", from, name)
			} else if is != content {
				t.Errorf("%s: %s is %q, want %q", from, name, is, content)
			}
		}
		if len(got) != len(want) || len(got) < 30 {
			t.Errorf("%s: %d symbols, want %d", from, len(got), len(want))
		}
		if out, err := exec.Command("go", "tool", "nm", "-size", file).CombinedOutput(); err != nil || !strings.Contains(string(out), "anvil.g12/example.com/a/y/x%2ev3.F") {
			t.Errorf("%s: go tool nm: %v\n%s", from, err, out)
		}
		if again, err := os.ReadFile(plain); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: the archive has changed (%v)", from, err)
		}
	}
}

func TestRenamedSymbols(t *testing.T) {
	r, err := NewRenaming(map[string]string{
		"example.com/app/a": "anvil.g7/example.com/app/a", "example.com/app/yaml.v3": "anvil.g8/example.com/app/yaml.v3", "e/b": "anvil.g9/e/b",
	}, []string{"example.com/app/a.b/c", "fmt", "e/b.c/d"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewRenaming(map[string]string{"b": "anvil.g9/b"}, nil); !errors.Is(err, errRename) {
		t.Errorf("a path of one word: %v", err)
	}
	for name, want := range map[string]string{
		"example.com/app/a.F":                              "anvil.g7/example.com/app/a.F",
		"example.com/app/a.(*T).m.func1":                   "anvil.g7/example.com/app/a.(*T).m.func1",
		"example.com/app/a/b.F":                            "example.com/app/a/b.F",
		"example.com/app/ab.F":                             "example.com/app/ab.F",
		"example.com/app/a.b/c.F":                          "example.com/app/a.b/c.F",
		"example.com/app/yaml%2ev3.F":                      "anvil.g8/example.com/app/yaml%2ev3.F",
		"type:*example.com/app/a.T":                        "type:*anvil.g7/example.com/app/a.T",
		"type:map[example.com/app/a.T]*e/b.T":              "type:map[anvil.g7/example.com/app/a.T]*anvil.g9/e/b.T",
		"type:func(example.com/app/a.T, ...e/b.T) e/b.T":   "type:func(anvil.g7/example.com/app/a.T, ...anvil.g9/e/b.T) anvil.g9/e/b.T",
		"type:.eq.example.com/app/a.T":                     "type:.eq.anvil.g7/example.com/app/a.T",
		"type:.importpath.e/b.":                            "type:.importpath.anvil.g9/e/b.",
		"type:.eq.struct { e/b.T; x example.com/app/a.T }": "type:.eq.struct { anvil.g9/e/b.T; x anvil.g7/example.com/app/a.T }",
		"go:itab.*e/b.T,error":                             "go:itab.*anvil.g9/e/b.T,error",
		"go:itab.e/b.T,example.com/app/a.I":                "go:itab.anvil.g9/e/b.T,anvil.g7/example.com/app/a.I",
		"example.com/lib.G[go.shape.*e/b.T].Do":            "example.com/lib.G[go.shape.*anvil.g9/e/b.T].Do",
		"example.com/lib.G[example.com/app/a.T,e/b.T]":     "example.com/lib.G[anvil.g7/example.com/app/a.T,anvil.g9/e/b.T]",
		"example.com/lib.F.b.func1":                        "example.com/lib.F.b.func1",
		"my.example.com/app/a.F":                           "my.example.com/app/a.F",
		"vendor/example.com/app/a.F":                       "vendor/example.com/app/a.F",
		"anvil.g3/example.com/app/a.F":                     "anvil.g3/example.com/app/a.F",
		"e/b.c/d.F":                                        "e/b.c/d.F",
		`go:string."example.com/app/a.F"`:                  `go:string."example.com/app/a.F"`,
		"example.com/app/a..inittask":                      "anvil.g7/example.com/app/a..inittask",
		"example.com/app/a..stmp_1":                        "anvil.g7/example.com/app/a..stmp_1",
		"type:interface { example.com/app/a.hidden() }":    "type:interface { anvil.g7/example.com/app/a.hidden() }",
		"type:chan<- example.com/app/a.T":                  "type:chan<- anvil.g7/example.com/app/a.T",
		"type:<-chan e/b.T":                                "type:<-chan anvil.g9/e/b.T",
		"type:noalg.map.group[example.com/app/a.T]int":     "type:noalg.map.group[anvil.g7/example.com/app/a.T]int",
		"type:func() (example.com/app/a.T, error)":         "type:func() (anvil.g7/example.com/app/a.T, error)",
		"fmt.b": "fmt.b",
		`a.F[go.shape.struct { A e/b.T "x:\"see e/b.T\" \\\"e/b.T"; B e/b.T }]`: `a.F[go.shape.struct { A anvil.g9/e/b.T "x:\"see e/b.T\" \\\"e/b.T"; B anvil.g9/e/b.T }]`,
		"type:.namedata.*b.G[e/b.T].":                                           "type:.namedata.*b.G[anvil.g9/e/b.T].",
	} {
		if got := r.symbol(name); got != want {
			t.Errorf("%s becomes %s, want %s", name, got, want)
		}
	}
}

// TestExports: the format of the installed compiler is known.
func TestExports(t *testing.T) {
	archive := compileAs(t, "example.com/a/x", renamedSource)
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	exports, err := ReadExports(archive, data)
	if err != nil || !exports.Known() {
		t.Fatalf("known: %t, %v", exports.Known(), err)
	}
	var told []string
	for _, b := range exports.Bodies() {
		if len(b.Files) != 1 || filepath.Base(b.Files[0]) != "p.go" {
			t.Errorf("%s has files %q", b.Func, b.Files)
		}
		told = append(told, b.Package+" "+b.Func)
	}
	slices.Sort(told)
	want := []string{" ", "example.com/a/x P.String", "example.com/a/x T.Pointer", "example.com/a/x T.Value", "example.com/a/x W.Small"}
	if !slices.Equal(slices.Compact(told), want) {
		t.Errorf("told are %q, want %q", told, want)
	}
}

// FuzzArchive: whatever stands in an archive, nothing panics.
func FuzzArchive(f *testing.F) {
	archive := compileAs(f, "example.com/a/x", renamedSource)
	data, err := os.ReadFile(archive)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for i := 0; i < len(data); i += 211 {
		f.Add(data[:i])
		flipped := bytes.Clone(data)
		flipped[i] ^= 0xff
		f.Add(flipped)
	}
	r, err := NewRenaming(map[string]string{"example.com/a/x": "anvil.g7/example.com/a/x"}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, damaged []byte) {
		if e, err := ReadExports(archive, damaged); err == nil && e.Known() {
			e.Bodies()
			e.Moved(e)
		}
		_ = Code(archive, damaged, func(string) bool { return true })
		if renamed, err := r.Archive(archive, damaged); err == nil {
			_, _ = parseObjects(archive, renamed)
		}
		_ = CopyFingerprint(archive, bytes.Clone(damaged), data)
	})
}
