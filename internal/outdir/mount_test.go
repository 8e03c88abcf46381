package outdir

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

func TestExecutable(t *testing.T) {
	err := executable("/app/.anvil", func(path string) bool { return path == "/app/.anvil" })
	if !errors.Is(err, ErrNoExec) || !strings.HasPrefix(err.Error(), "/app/.anvil is on a file system that is mounted with the option noexec") {
		t.Errorf("noexec: %v", err)
	}
	if err := executable("/app/.anvil", func(string) bool { return false }); err != nil {
		t.Errorf("where programs can be run: %v", err)
	}
	if err := Executable("/nowhere/at/all"); err != nil {
		t.Errorf("what is not there is no file system: %v", err)
	}
}

func TestAdvice(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("x: %w", ErrNoExec), "remount,exec"},
		{&fs.PathError{Op: "mkdir", Path: "/app/.anvil", Err: syscall.EROFS}, "a writable file system at /app/.anvil"},
		{fs.ErrNotExist, ""},
	} {
		if got := Advice("/app/.anvil", tt.err); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
}
