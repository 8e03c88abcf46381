// Package harness runs the real anvil-lsp, as a server and as the language server of
// an editor, on copies of the sample applications. The end-to-end tests and the
// benchmarks share it.
package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// envTemp names the directory that is removed when all tests have run.
const envTemp = "ANVIL_E2E_TEMP"

// Main runs the tests of a package. It is the body of TestMain.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "anvil-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// What the user is said to have decided is no concern of the user who runs the
	// tests.
	err = errors.Join(os.Setenv(envTemp, dir), os.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config")))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Binary returns the program under test, which is built for the first test that asks
// for it.
func Binary(t testing.TB) string {
	t.Helper()
	if binary := os.Getenv("ANVIL_LSP_TEST_BINARY"); binary != "" { // for a quick look at another build
		return binary
	}
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// A test may set variables and change the directory before the binary is built.
var (
	environment  = os.Environ()
	directory, _ = os.Getwd()
)

var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(os.Getenv(envTemp), "anvil-lsp")
	args := []string{"build", "-o", binary}
	if RaceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "github.com/anvilforge/anvil-lsp/cmd/anvil-lsp")...)
	cmd.Dir, cmd.Env = directory, environment
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the binary: %w\n%s", err, out)
	}
	return binary, nil
})

// Patience bounds every wait; a first build of all dependencies takes a minute
// on a small machine.
const Patience = 4 * time.Minute

// CopyApp copies a sample application, with its link to this checkout.
func CopyApp(t testing.TB, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs whole applications")
	}
	return testkit.CopyApp(t, name)
}

// Alive reports whether a process exists.
func Alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// Until waits for a condition.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	testkit.Until(t, Patience, what, ok)
}

// RSS returns the memory of a process, in bytes.
func RSS(t testing.TB, pid int) int64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// NeedProc skips a test where there is no /proc.
func NeedProc(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
}

// Glob returns the files in dir that match a pattern.
func Glob(t testing.TB, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return names
}
