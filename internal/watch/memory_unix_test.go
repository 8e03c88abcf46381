//go:build unix

package watch

import (
	"os"
	"syscall"
	"testing"
)

// writeThroughMemory overwrites the beginning of a file without an event.
func writeThroughMemory(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, len(text), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	copy(data, text)
	if err := syscall.Munmap(data); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil { // now it has its new time
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // only then there is an event
	if info.Size() == 0 {
		t.Fatal("nothing was written")
	}
}
