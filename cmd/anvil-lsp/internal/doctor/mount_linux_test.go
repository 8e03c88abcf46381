package doctor

import (
	"strings"
	"syscall"
	"testing"
)

// TestMount: what the mount of the code does not allow is found before anything
// is built.
func TestMount(t *testing.T) {
	for _, tt := range []struct {
		name         string
		flags        uintptr
		says, advice string
	}{
		{"noexec", syscall.MS_NOEXEC, "mounted with the option noexec", "remount,exec"},
		{"read-only", syscall.MS_RDONLY, "read-only file system", "a writable file system at"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := syscall.Mount("tmpfs", dir, "tmpfs", tt.flags, "size=1m,mode=700"); err != nil {
				t.Skipf("may not mount: %v", err)
			}
			t.Cleanup(func() {
				if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
					t.Error(err)
				}
			})
			d := &doctor{o: Options{Dir: dir}, dir: dir, socket: socket(dir), tmp: t.TempDir(), report: &Report{}}
			d.output()
			if c := d.report.check(t, ".anvil"); c.Status != Failed || !strings.Contains(c.Detail, tt.says) || !strings.Contains(c.Advice, tt.advice) {
				t.Errorf("%+v", c)
			}
		})
	}
}

// TestTemporaryFilesOfAMount: where no program can be run from TMPDIR, nothing is
// said about thin plugins, and nothing remembered.
func TestTemporaryFilesOfAMount(t *testing.T) {
	tmp := t.TempDir()
	if err := syscall.Mount("tmpfs", tmp, "tmpfs", syscall.MS_NOEXEC, "size=1m,mode=700"); err != nil {
		t.Skipf("may not mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(tmp, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	d := &doctor{o: Options{Dir: tmp, Go: "go", CacheDir: t.TempDir()}, tmp: tmp, report: &Report{}}
	d.thin(t.Context())
	if c := d.report.check(t, "thin plugins"); c.Status != Skipped || !strings.Contains(c.Detail, "noexec") || !strings.Contains(c.Advice, "TMPDIR") {
		t.Errorf("%+v", c)
	}
}
