package mapped

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// written is in a page that was written to.
var written = []string{"as it is in the file"}

// TestDrop drops what the program under test has in memory of its own file, and
// goes on.
func TestDrop(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc/self/maps")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Find(self)
	if err != nil {
		t.Fatal(err)
	}
	within := func(spans []addresses, at uintptr) bool {
		return slices.ContainsFunc(spans, func(s addresses) bool { return s.from <= at && at < s.to })
	}
	code, data := reflect.ValueOf(TestDrop).Pointer(), reflect.ValueOf(&written).Pointer()
	if !within(m.clean, code) || within(m.writable, code) {
		t.Errorf("code at %#x: clean %#x, kept %#x", code, m.clean, m.writable)
	}
	if !within(m.writable, data) || within(m.clean, data) {
		t.Errorf("data at %#x: clean %#x, kept %#x", data, m.clean, m.writable)
	}
	written[0] = "as it was written"
	before := residentOf(t, m.clean)
	drop(m.clean)
	if after := residentOf(t, m.clean); after >= before {
		t.Errorf("%d KB before, %d KB after", before, after)
	}
	if written[0] != "as it was written" {
		t.Errorf("data are %q", written[0])
	}
}

// residentOf returns how much of some ranges is in memory, in KB.
func residentOf(t *testing.T, spans []addresses) (kb int) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(data)) {
		var s addresses
		var n int
		if k, _ := fmt.Sscanf(line, "%x-%x ", &s.from, &s.to); k == 2 {
			inside = slices.Contains(spans, s)
		} else if k, _ := fmt.Sscanf(line, "Rss: %d kB", &n); k == 1 && inside {
			kb += n
		}
	}
	return kb
}

// TestParseMapped: what the dynamic linker wrote to does not mirror the file, also
// where it is read-only by now, and on a page of its own.
func TestParseMapped(t *testing.T) {
	load := func(at, size uint64, flags elf.ProgFlag) *elf.Prog {
		return &elf.Prog{ProgHeader: elf.ProgHeader{Type: elf.PT_LOAD, Vaddr: at, Filesz: size, Flags: flags}}
	}
	page := uint64(os.Getpagesize())
	f := &elf.File{Progs: []*elf.Prog{load(0, 5*page/2, elf.PF_R|elf.PF_X), load(4*page-64, page+64, elf.PF_R|elf.PF_W)}}
	const path = "/tmp/a dir/0007.so"
	at := func(n uint64) uint64 { return 0x7f0000000000 + n*page }
	line := func(from, to uint64, perm, path string) string {
		return fmt.Sprintf("%x-%x %s 00000000 fe:00 4711    %s\n", at(from), at(to), perm, path)
	}
	maps := line(0, 3, "r-xp", path) + line(3, 4, "r--p", path) + line(4, 5, "rw-p", path) + line(5, 6, "rw-p", "") + line(9, 12, "r-xp", "/x"+path) + line(20, 30, "r-xp", path+" (deleted)")
	m, err := parse(strings.NewReader(maps), path, f)
	span := func(from, to uint64) addresses { return addresses{uintptr(at(from)), uintptr(at(to))} }
	want := Memory{clean: []addresses{span(0, 3)}, relocated: []addresses{span(3, 4)}, writable: []addresses{span(4, 5)}}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("%#x, %v, want %#x", m, err, want)
	}
	if m.Size() != int64(2*page) {
		t.Errorf("keeps %d bytes", m.Size())
	}
	for name, maps := range map[string]string{"nothing": "", "another": line(0, 3, "r-xp", "/b.so"), "only code": line(0, 3, "r-xp", path)} {
		if m, err := parse(strings.NewReader(maps), path, f); !errors.Is(err, errNotMapped) || m.clean != nil {
			t.Errorf("%s: %#x, %v", name, m, err)
		}
	}
}
