//go:build !unix

package launch

import (
	"errors"
	"fmt"
	"runtime"
)

func newSystem(Options) (system, error) {
	return system{}, fmt.Errorf("live servers cannot be started on %s: a listening socket cannot be inherited there: %w",
		runtime.GOOS, errors.ErrUnsupported)
}

func dupFD(uintptr) (uintptr, error) { return 0, errors.ErrUnsupported }
