package engine

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

// mounted mounts a file system of its own, or skips the test. The flags can be
// changed with it.
func mounted(t *testing.T, dir string) (remount func(flags uintptr)) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		t.Skipf("may not mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Skipf("may not remount: %v", err)
		}
	}
}

// TestOutDirOfAMount: one line says what the mount does not allow, and what to do.
func TestOutDirOfAMount(t *testing.T) {
	for _, tt := range []struct {
		name   string
		flags  uintptr
		before func(t *testing.T, dir string)
		is     error
		says   []string
	}{
		{"noexec", syscall.MS_NOEXEC, nil, outdir.ErrNoExec, []string{"mounted with the option noexec", "remount,exec"}},
		{"read-only", syscall.MS_RDONLY, nil, syscall.EROFS, []string{"cannot be made", "a writable file system at"}},
		{"read-only, used before", syscall.MS_RDONLY, func(t *testing.T, dir string) {
			if err := openTestDir(t, dir).close(); err != nil {
				t.Fatal(err)
			}
		}, syscall.EROFS, []string{"must be writable", "a writable file system at"}},
		{"read-only, with what a killed engine left", syscall.MS_RDONLY, func(t *testing.T, dir string) {
			if err := openTestDir(t, dir).close(); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"tmp/x", "gen/0001.so", "host/0001", "run/live.sock", "engine.sock"} {
				writeFile(t, "left", dir, OutDir, name)
			}
		}, syscall.EROFS, []string{"must be writable", "removing what an earlier run left", "a writable file system at"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			remount := mounted(t, dir)
			if tt.before != nil {
				tt.before(t, dir)
			}
			remount(tt.flags)
			o, err := openOutDir(dir)
			if err == nil {
				t.Fatal(errors.Join(errors.New("it is used"), o.close()))
			}
			if text := err.Error(); !errors.Is(err, tt.is) || strings.Contains(text, "\n") {
				t.Errorf("%v", err)
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not said: %v", part, err)
				}
			}
			remount(0)
			if err := openTestDir(t, dir).close(); err != nil { // the lock was given back
				t.Error(err)
			}
		})
	}
}
