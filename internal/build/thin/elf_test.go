package thin

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var machines = []elf.Machine{elf.EM_X86_64, elf.EM_AARCH64}

func parse(t *testing.T, data []byte) *elf.File {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSupportObject reads the support object with debug/elf.
func TestSupportObject(t *testing.T) {
	for _, m := range machines {
		data, err := supportObject(m, 0x248, true)
		if err != nil {
			t.Fatal(err)
		}
		f := parse(t, data)
		if f.Type != elf.ET_REL || f.Machine != m {
			t.Errorf("%s for %s", f.Type, f.Machine)
		}
		symbols, err := f.Symbols()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]elf.Symbol{}
		for _, s := range symbols {
			got[s.Name] = s
		}
		want := []string{"anvil.register", symbolHash + stubName, symbolModule, symbolLast, symbolNothing}
		if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: symbols %q, want %q", m, names, want)
		}
		if s := got[symbolLast]; s.Section != elf.SHN_UNDEF || elf.ST_VISIBILITY(s.Other) != elf.STV_DEFAULT {
			t.Errorf("%s: %s is to be found in an image: %+v", m, symbolLast, s)
		}
		if s := got[symbolHash+stubName]; s.Size != 16 || elf.ST_VISIBILITY(s.Other) != elf.STV_HIDDEN {
			t.Errorf("%s: the hash is %+v", m, s)
		}
		text, err := f.Section(".text").Data()
		if err != nil {
			t.Fatal(err)
		}
		s := got[symbolNothing]
		if code := text[s.Value:]; !bytes.Equal(code, returnCode(m)) || s.Size != uint64(len(code)) {
			t.Errorf("%s: what does nothing is % x", m, code)
		}
	}
	if _, err := supportObject(elf.EM_RISCV, 8, true); !errors.Is(err, errImage) {
		t.Errorf("for another machine: %v", err)
	}
	if _, err := supportObject(elf.EM_AARCH64, 1<<20, true); !errors.Is(err, errImage) {
		t.Errorf("an offset that does not fit: %v", err)
	}
}

// TestCode compares the machine code with what the Go assembler makes.
func TestCode(t *testing.T) {
	for _, tt := range []struct {
		machine      elf.Machine
		arch, source string
		after        int // the instructions with relocations, which come first
	}{
		{elf.EM_X86_64, "amd64", "MOVQ (AX), CX\nMOVQ DI, 0x248(CX)\nMOVQ DI, (AX)\nRET\n", 14},
		{elf.EM_AARCH64, "arm64", "MOVD (R1), R2\nMOVD R0, 0x248(R2)\nMOVD R0, (R1)\nRET\n", 16},
	} {
		code, _, err := registerModule(tt.machine, 0x248, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		source, object := filepath.Join(dir, "f.s"), filepath.Join(dir, "f.o")
		if err := os.WriteFile(source, []byte("TEXT ·f(SB),4|512,$0-0\n"+tt.source), 0o666); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", "tool", "asm", "-p", "f", "-o", object, source)
		cmd.Env = append(os.Environ(), "GOARCH="+tt.arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("assembling for %s: %v\n%s", tt.arch, err, out)
		}
		data, err := os.ReadFile(object)
		if err != nil {
			t.Fatal(err)
		}
		if want := code[tt.after:]; !bytes.Contains(data, want) {
			t.Errorf("%s: the assembler makes something else than % x", tt.arch, want)
		}
	}
}

// relocatable makes an object like the Go linker's.
func relocatable(m elf.Machine) []byte {
	var text stringTable
	symbols := make([]byte, symbolSize)
	add := func(name string, bind elf.SymBind, section uint16, value, size uint64) {
		symbols = append(symbols, encode(elf.Sym64{Name: text.add(name), Info: elf.ST_INFO(bind, elf.STT_FUNC), Shndx: section, Value: value, Size: size})...)
	}
	add("runtime.text", elf.STB_LOCAL, 1, 0, 0)
	add("go:link.addmoduledata", elf.STB_LOCAL, 1, 0x20, 13)
	add("local.moduledata", elf.STB_LOCAL, 2, 0x10, 592)
	add(symbolModule, elf.STB_GLOBAL, 1, 0x10, 0)
	add("fmt.Sprint"+suffixInternal, elf.STB_GLOBAL, 0, 0, 0)
	add("a.F"+suffixInternal, elf.STB_GLOBAL, 1, 0, 8)
	add("go:link.pkghash.fmt", elf.STB_GLOBAL, 2, 0, 16)
	code := bytes.Repeat([]byte{0xcc}, 64)
	relocs := slices.Concat(
		encode(elf.Rela64{Off: 0, Info: 4<<32 | 1, Addend: 1}), // minpc
		encode(elf.Rela64{Off: 8, Info: 2<<32 | 1}),
	)
	return writeELF(elf.ET_REL, m, []section{
		{name: ".text", kind: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, align: 16, data: code},
		{name: ".data", kind: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_WRITE, align: 8, data: make([]byte, 1024)},
		{name: ".rela.data", kind: elf.SHT_RELA, link: 4, info: 2, align: 8, entry: relaSize, data: relocs},
		{name: ".symtab", kind: elf.SHT_SYMTAB, link: 5, info: 4, align: 8, entry: symbolSize, data: symbols},
		{name: ".strtab", kind: elf.SHT_STRTAB, align: 1, data: text.bytes()},
	})
}

func TestRewrite(t *testing.T) {
	for _, m := range machines {
		object := relocatable(m)
		got, err := rewrite(object, (&Job{Path: "a"}).visibility(nil))
		if err != nil {
			t.Fatal(err)
		}
		if !got.register || !slices.Equal(got.undefined, []string{"fmt.Sprint"}) {
			t.Errorf("%s: found %+v", m, got)
		}
		f := parse(t, object)
		symbols, err := f.Symbols()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range symbols {
			switch s.Name {
			case symbolModule:
				if s.Section != 2 || s.Value != 0x10 || s.Size != 592 || elf.ST_VISIBILITY(s.Other) != elf.STV_HIDDEN {
					t.Errorf("%s: the module's data is %+v", m, s)
				}
			case "go:link.pkghash.fmt", "a.F":
				if elf.ST_VISIBILITY(s.Other) != elf.STV_HIDDEN {
					t.Errorf("%s: %s is visible: %+v", m, s.Name, s)
				}
			}
			if strings.HasSuffix(s.Name, suffixInternal) {
				t.Errorf("%s: %s kept its suffix", m, s.Name)
			}
		}
		relocs, err := f.Section(".rela.data").Data()
		if err != nil {
			t.Fatal(err)
		}
		if symbol, addend := binary.LittleEndian.Uint32(relocs[12:]), binary.LittleEndian.Uint64(relocs[16:]); symbol != 1 || addend != 0x11 {
			t.Errorf("%s: where the code begins is symbol %d + %#x, want runtime.text + 0x11", m, symbol, addend)
		}
		code, err := f.Section(".text").Data()
		if err != nil {
			t.Fatal(err)
		}
		call := 0x27
		if m == elf.EM_AARCH64 {
			call = 0x28
		}
		if !bytes.HasPrefix(code[call:], returnCode(m)) {
			t.Errorf("%s: the call is still there: % x", m, code[0x20:])
		}
	}
}

// TestVisibility: what only this plugin has cannot be taken for another's, and
// what is the same for all can.
func TestVisibility(t *testing.T) {
	const gen = "anvil.g7/example.com/app.v2/"
	names := map[string]string{}
	hash := func(name string) string {
		names[mangle(name)] = name
		return mangle(name)
	}
	j := Job{Path: gen + "handlers.v3", Own: []string{gen + "views"}, Archives: map[string]string{gen + "views": "v.a", "example.com/new": "n.a"}}
	for name, want := range map[string]elf.SymVis{
		gen + "handlers%2ev3.show":                         elf.STV_HIDDEN,
		gen + "handlers%2ev3.show.func1":                   elf.STV_HIDDEN,
		hash("type:*" + gen + "handlers%2ev3.Post"):        elf.STV_HIDDEN,
		hash("type:func(" + gen + "handlers%2ev3.In) int"): elf.STV_HIDDEN,
		"go:itab.*" + gen + "handlers%2ev3.Post,error":     elf.STV_HIDDEN,
		"slices.Sort[" + gen + "handlers%2ev3.Post]":       elf.STV_HIDDEN,
		hash("type:.namedata.Title."):                      elf.STV_HIDDEN,
		"go:link.pkghash.fmt":                              elf.STV_HIDDEN,
		gen + "views.Render":                               elf.STV_PROTECTED,
		hash("type:[]" + gen + "views.Page"):               elf.STV_PROTECTED,
		"anvil.g6/example.com/app.v2/views.Render":         elf.STV_DEFAULT,
		gen + "handlers.F":                                 elf.STV_DEFAULT,
		"example.com/new.F":                                elf.STV_DEFAULT,
		hash("type:map[string]net/http.Header"):            elf.STV_DEFAULT,
		"go:itab.*os.File,io.Writer":                       elf.STV_DEFAULT,
		"slices.Sort[go.shape.[]int]":                      elf.STV_DEFAULT,
	} {
		if got := j.visibility(names)(name); got != want {
			t.Errorf("%s (%s): %s, want %s", name, names[name], got, want)
		}
	}
}

// TestDamaged: whatever stands in a file, it is refused with an error.
func TestDamaged(t *testing.T) {
	whole := relocatable(elf.EM_X86_64)
	plain := func(string) elf.SymVis { return elf.STV_DEFAULT }
	for n := range whole {
		cut := bytes.Clone(whole[:n])
		if _, err := rewrite(cut, plain); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for an object", n, len(whole))
		}
		flipped := bytes.Clone(whole)
		flipped[n] ^= 0xff
		_, _ = rewrite(flipped, plain) // must not panic
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"empty": "", "no archive": "hello", "no object": archiveMagic,
		"short": archiveMagic + "_go_.o          0           0     0     644     9999      `\ngo object",
		"other": archiveMagic + "_go_.o          0           0     0     644     40        `\ngo object linux amd64\n!\n\x00go999ld and more..",
	} {
		file := filepath.Join(dir, "x.a")
		if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := readObjects(file); !errors.Is(err, errObject) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := OpenImage(file); err == nil {
			t.Errorf("%s: opened as an image", name)
		}
	}
}

// TestObject compares what is read of a compiled package with go tool nm.
func TestObject(t *testing.T) {
	dir := t.TempDir()
	source, archive := filepath.Join(dir, "p.go"), filepath.Join(dir, "p.a")
	text := "package p\n\ntype T struct{ P *int; A [2]*T }\n\nvar V [3]T\n\nfunc F(m map[string]int, s string) int { println(s); return m[s] }\n"
	if err := os.WriteFile(source, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "tool", "compile", "-p", "p", "-dynlink", "-linkshared", "-complete", "-pack", "-o", archive, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	objects, err := readObjects(archive)
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	var got []string
	for _, r := range objects[0].references() {
		if r.name != "" {
			got = append(got, r.name)
		}
	}
	out, err := exec.Command("go", "tool", "nm", archive).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "U" {
			want = append(want, fields[1])
		}
	}
	if len(want) < 3 {
		t.Fatalf("go tool nm shows %q", want)
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s is missing in %q", name, got)
		}
	}
	d, ok := objects[0].describe("type:p.T")
	if !ok || binary.LittleEndian.Uint64(d.data) != 24 || !bytes.HasPrefix(d.mask, []byte{7}) || len(d.types) != 2 {
		t.Errorf("type T: %t, %+v", ok, d)
	}
}
