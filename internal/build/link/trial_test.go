package link

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// TestPassing tells what the machine lacks for the moment from what the toolchain
// cannot do.
func TestPassing(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{&gocmd.ToolError{Tool: "link", Output: "write x.o: no space left on device", Err: errors.New("exit status 1")}, true},
		{&gocmd.ToolError{Tool: "link", Err: errors.New("signal: killed")}, true},
		{&fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}, true},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), true},
		{errors.New("fork/exec x: resource temporarily unavailable"), true},
		{&gocmd.ToolError{Tool: "link", Output: "relocation target not defined", Err: errors.New("exit status 2")}, false},
		{errors.New(`the trial program says "x", not "y"`), false},
	} {
		if got := passing(tt.err); got != tt.want {
			t.Errorf("%v: %t", tt.err, got)
		}
	}
}
