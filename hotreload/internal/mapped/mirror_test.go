//go:build linux && (amd64 || arm64)

package mapped

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"
)

// readOnly maps memory as the dynamic linker leaves it: written to, then read-only.
func readOnly(t *testing.T, content []byte) ([]byte, addresses) {
	t.Helper()
	memory, err := syscall.Mmap(-1, 0, len(content), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(memory) })
	copy(memory, content)
	if err := syscall.Mprotect(memory, syscall.PROT_READ); err != nil {
		t.Fatal(err)
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
	return memory, addresses{at, at + uintptr(len(memory))}
}

// TestMirror: memory that was relocated goes, what reads it meanwhile and afterwards
// finds what was there, and no file stays.
func TestMirror(t *testing.T) {
	content := bytes.Repeat([]byte("addresses of functions, "), os.Getpagesize()) // a whole number of pages
	memory, span := readOnly(t, content)
	dir := t.TempDir()

	var over atomic.Bool
	var wrong atomic.Int64
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for !over.Load() {
				if !bytes.Equal(memory, content) {
					wrong.Add(1)
				}
			}
		})
	}
	for range 50 { // the memory is mirrored, or its mirror is
		m := Memory{relocated: []addresses{span}}
		m.Unload(dir)
		if len(m.relocated) != 0 || len(m.clean) != 1 || m.clean[0] != span || m.Size() != 0 {
			t.Fatalf("%+v", m)
		}
	}
	over.Store(true)
	readers.Wait()
	if n := wrong.Load(); n != 0 {
		t.Errorf("read something else %d times", n)
	}
	drop([]addresses{span})
	if kb := residentOf(t, []addresses{span}); kb != 0 {
		t.Errorf("%d KB are resident", kb)
	}
	if !bytes.Equal(memory, content) {
		t.Error("another content afterwards")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// TestMirrorNowhere: where no file can be written the memory stays as it is.
func TestMirrorNowhere(t *testing.T) {
	content := bytes.Repeat([]byte{1, 2, 3, 4}, os.Getpagesize())
	memory, span := readOnly(t, content)
	m := Memory{relocated: []addresses{span}}
	m.Unload(filepath.Join(t.TempDir(), "missing"))
	if len(m.relocated) != 1 || len(m.clean) != 0 || m.Size() != int64(len(content)) {
		t.Errorf("%+v", m)
	}
	if kb := residentOf(t, []addresses{span}); kb != len(content)>>10 || !bytes.Equal(memory, content) {
		t.Errorf("%d KB are resident, the same content: %t", kb, bytes.Equal(memory, content))
	}
}
