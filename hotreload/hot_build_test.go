//go:build !anvilhot

package hotreload

import (
	"os/exec"
	"testing"
)

// The development half of the package is behind a build tag; its tests run from
// here, so that a plain go test runs all there are.
func TestHotBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the package and its tests once more")
	}
	args := []string{"test", "-tags=anvilhot", "-count=1"}
	if raceEnabled {
		args = append(args, "-race")
	}
	out, err := exec.CommandContext(t.Context(), "go", append(args, ".")...).CombinedOutput()
	if err != nil {
		t.Errorf("go %q: %v\n%s", args, err, out)
	}
}
