package watch

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

// explain adds to an error what to do about it, if it is a limit of the system.
func explain(err error, doing string) error {
	return explainOn(runtime.GOOS, err, doing)
}

func explainOn(goos string, err error, doing string) error {
	switch {
	case err == nil:
		return nil
	case goos == "linux" && errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%s: the system allows no more watched directories; raise the limit, for example with\n"+
			"\tsudo sysctl fs.inotify.max_user_watches=524288\n%w", doing, err)
	case goos == "linux" && errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%s: the system allows no more inotify instances, or this process no more open files; raise the "+
			"limits, for example with\n"+
			"\tsudo sysctl fs.inotify.max_user_instances=1024\n\tulimit -n 8192\n%w", doing, err)
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%s: this process may open no more files; raise the limit, for example with\n"+
			"\tulimit -n 8192\n%w", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
