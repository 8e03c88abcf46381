package outdir

import (
	"errors"
	"fmt"
	"syscall"
)

// ErrNoExec reports a directory from which no program can be run.
var ErrNoExec = errors.New("is on a file system that is mounted with the option noexec, " +
	"so that nothing in it can be run")

// Executable returns an error that wraps ErrNoExec if no program can be run from a directory. What
// it cannot find out it does not report.
func Executable(path string) error { return executable(path, noexec) }

func executable(path string, noexec func(string) bool) error {
	if noexec(path) {
		return fmt.Errorf("%s %w", path, ErrNoExec)
	}
	return nil
}

// Advice says what to do about an error of using the directory at path; it is empty if nothing more
// is known than what the error says.
func Advice(path string, err error) string {
	switch {
	case errors.Is(err, ErrNoExec):
		return fmt.Sprintf("mount that without it (mount -o remount,exec), "+
			"move the code to another file system, or mount one at %s", path)
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf("mount the code writable, or a writable file system at %s", path)
	}
	return ""
}
