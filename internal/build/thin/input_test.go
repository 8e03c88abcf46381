package thin

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// compile compiles one file as package p for a thin link.
func compile(t *testing.T, text string) string { return compileAs(t, "p", text) }

// compileAs compiles one file under an import path.
func compileAs(t testing.TB, path, text string) string {
	t.Helper()
	dir := t.TempDir()
	source, archive := filepath.Join(dir, "p.go"), filepath.Join(dir, "p.a")
	if err := os.WriteFile(source, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "tool", "compile", "-p", path, "-dynlink", "-linkshared", "-dwarf=false", "-complete", "-pack", "-o", archive, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return archive
}

// TestRead: methods are cut from the descriptors that an image has, and from no
// others, in a copy.
func TestRead(t *testing.T) {
	archive := compile(t, `package p

type T struct{ A, B string }

func (T) Value() int    { return 1 }
func (*T) Pointer() int { return 2 }

type I interface{ M(); N() }

type U map[[2]string]T

func (U) Value() int { return 3 }
`)
	before, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	im := &Image{symbols: map[string]symbol{mangle("type:p.T"): {}, mangle("type:p.I"): {}, mangle("type:map[[2]string]p.T"): {}}}
	copyTo := filepath.Join(t.TempDir(), "copy.a")
	in, err := read(archive, copyTo, []*Image{im}, false)
	if err != nil {
		t.Fatal(err)
	}
	if in.file != copyTo {
		t.Errorf("the linker would read %s", in.file)
	}
	if after, err := os.ReadFile(archive); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the archive itself has changed (%v)", err)
	}
	objects, err := readObjects(copyTo)
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	o := objects[0]
	for name, want := range map[string]int{"type:p.T": 0, "type:*p.T": 2 * 3, "type:p.I": 0, "type:p.U": 1 * 3} {
		left := 0
		for _, r := range o.methodOffsets(o.defines(name)) {
			if o.resolve(r.target()) >= 0 {
				left++
			}
		}
		if left != want {
			t.Errorf("%s: %d offsets of methods are left, want %d", name, left, want)
		}
	}
	whole, err := readObjects(archive)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(whole[0].methodOffsets(whole[0].defines("type:p.T"))); n != 3 {
		t.Errorf("type:p.T has %d offsets of methods", n)
	}
	weakened := func(o *object, name string) (out []int) {
		for r := range o.relocations(o.defines(name)) {
			if r[6]&(weak>>8) != 0 && r.size() == 8 {
				out = append(out, r.offset())
			}
		}
		slices.Sort(out)
		return out
	}
	if got := weakened(o, "type:p.T"); !slices.Equal(got, []int{typeEqual}) {
		t.Errorf("type:p.T: weak are %v", got)
	}
	if got := weakened(o, "type:map[[2]string]p.T"); !slices.Equal(got, []int{mapHasher}) {
		t.Errorf("the map: weak are %v", got)
	}
	if got := weakened(o, "type:p.U"); len(got) > 0 {
		t.Errorf("type:p.U: weak are %v", got)
	}
	if in, err := read(archive, copyTo, nil, false); err != nil || in.file != archive {
		t.Errorf("without images: %+v, %v", in, err)
	}
}

func TestWithoutC(t *testing.T) {
	member := func(name, content string) string {
		head := name + "                "
		out := head[:16] + "0           0     0     644     " + (string(rune('0'+len(content)/10)) + string(rune('0'+len(content)%10)) + "          ")[:10] + "`\n" + content
		if len(content)%2 == 1 {
			out += "\x00"
		}
		return out
	}
	pkg, object, foreign := member("__.PKGDEF", "go object linux\n!"), member("_go_.o", "go object linux amd64 x"), member("_x001.o", "\x7fELF")
	got := withoutC([]byte(archiveMagic + pkg + foreign + object + foreign))
	if want := archiveMagic + pkg + object; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMissedSymbols reads what the Go linker says.
func TestMissedSymbols(t *testing.T) {
	got := missedSymbols(`link: warning
type:*p.Set[string]: cannot target DYNIMPORT sym in section-relative reloc: p.(*Set[string]).Add
type:.eqfunc.struct { io.Writer; io.Closer }: missing section for relocation target type:.eq.struct { io.Writer; io.Closer }
p.F: relocation target q.G not defined
p.F: relocation target q.H not defined for ABI0 (but is defined for ABIInternal)
p.F: unreachable sym in relocation: q.I
p.F: undefined symbol in relocation: q.J
missing section for go:(*struct { io.Closer }).Close
`)
	want := []string{
		"p.(*Set[string]).Add", "type:.eq.struct { io.Writer; io.Closer }", "q.G", "q.H", "q.I", "q.J", "go:(*struct { io.Closer }).Close",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
