//go:build anvilhot

package hotreload

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// The real thing: the hello application as the host, and plugins that the go
// command builds. Their code is in package main, as users write it who do
// without an engine.
const pluginSource = `package main

import (
	"fmt"
	"net/http"
	"os/exec"

	"example.com/hello/visits"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

var AnvilABIVersion int = hotreload.ABIVersion

var sinceReload int

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	total := hotreload.MustLookup[*visits.Counter](r.Container())
	r.Get("/", func(c *hotreload.Ctx) error {
		sinceReload++
		return c.Text(http.StatusOK, fmt.Sprintf("version %%d: visit %%d, %%d since the reload", %[1]d, total.Add(), sinceReload))
	})
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("oops") })
	r.Get("/inherited", func(w http.ResponseWriter, r *http.Request) {
		out, err := exec.CommandContext(r.Context(), "sh", "-c", "env; ls -l /proc/self/fd").CombinedOutput()
		fmt.Fprintln(w, string(out), err)
	})
	%[2]s
}

func main() {}
`

// world is what the tests with real plugins share.
type world struct {
	host string // the executable
	dir  string
}

func newWorld(t *testing.T) *world {
	if testing.Short() {
		t.Skip("builds a program and plugins")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		if _, err := exec.LookPath("cc"); err != nil {
			t.Skip("plugins need a C compiler")
		}
	}
	w := &world{dir: t.TempDir()}
	w.host = filepath.Join(w.dir, "hello")
	goBuild(t, "-o", w.host, ".")
	return w
}

func goBuild(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-tags=anvilhot"}, args...)...)
	cmd.Dir = filepath.Join("..", "examples", "hello")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// plugin builds a version and returns its path.
func (w *world) plugin(t *testing.T, version int, registration string) string {
	t.Helper()
	dir := filepath.Join(w.dir, fmt.Sprint("v", version))
	source := filepath.Join(dir, "plugin.go")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(source, fmt.Appendf(nil, pluginSource, version, registration), 0o600)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "plugin.so")
	goBuild(t, "-buildmode=plugin", "-o", path, source)
	return path
}

// start runs the host and ends it with the test.
func (w *world) start(t *testing.T, cmd *exec.Cmd) (exited <-chan error) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended, if all went well
		for range ended {
		}
	})
	return ended
}

func TestRealPlugins(t *testing.T) {
	w := newWorld(t)
	first, second := w.plugin(t, 1, ""), w.plugin(t, 2, "")
	faulty := w.plugin(t, 3, `r.Get("/", http.NotFound)`)
	t.Run("engine", func(t *testing.T) { w.underEngine(t, first, second, faulty) })
	t.Run("alone", func(t *testing.T) { w.alone(t, first, second) })
}

func (w *world) underEngine(t *testing.T, first, second, faulty string) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	socket := filepath.Join(t.TempDir(), "s")
	unix, err := transport.ListenUnix(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	alive, engine, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	tcpFile, err1 := tcp.(*net.TCPListener).File()
	unixFile, err2 := unix.File()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), w.host)
	cmd.Stderr = t.Output()
	cmd.ExtraFiles = []*os.File{tcpFile, unixFile, alive}
	cmd.Env = append(os.Environ(), control.EnvHot+"=1", control.EnvListenFD+"=3", control.EnvControlFD+"=4", control.EnvAliveFD+"=5",
		control.EnvGeneration+"=1", control.EnvHandlers+"=example.com/hello/handlers", control.EnvHotPaths+"=example.com/hello/handlers")
	exited := w.start(t, cmd)
	for _, f := range cmd.ExtraFiles {
		_ = f.Close()
	}
	client := transport.NewClient(socket)
	defer client.Close()
	url := "http://" + tcp.Addr().String()

	if got := get(t, url); got != "200 Hello! Visit 1, and 1 since the last reload." {
		t.Errorf("got %q", got)
	}
	load := func(generation int, path string, want control.Outcome) control.LoadResult {
		t.Helper()
		var result control.LoadResult
		if err := client.Post(t.Context(), control.PathLoad, control.LoadRequest{Generation: generation, Plugin: path, AllowBreaks: true}, &result); err != nil {
			t.Fatal(err)
		}
		if result.Outcome != want {
			t.Fatalf("generation %d: got %+v", generation, result)
		}
		return result
	}
	load(2, first, control.OutcomeLive)
	for _, want := range []string{"200 version 1: visit 2, 1 since the reload", "200 version 1: visit 3, 2 since the reload"} {
		if got := get(t, url); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	load(3, second, control.OutcomeLive)
	if got := get(t, url); got != "200 version 2: visit 4, 1 since the reload" {
		t.Errorf("got %q", got)
	}
	result := load(4, faulty, control.OutcomeRejected)
	if d := result.Diagnostics; len(d) != 1 || d[0].Code != manifest.CodeRoute || d[0].File != filepath.Join(filepath.Dir(faulty), "plugin.go") || result.Generation != 3 {
		t.Errorf("got %+v", result)
	}
	var back control.LoadResult
	if err := client.Post(t.Context(), control.PathRollback, control.RollbackRequest{Generation: 2}, &back); err != nil || back.Generation != 2 {
		t.Errorf("rollback: %+v, %v", back, err)
	}
	if got := get(t, url); got != "200 version 1: visit 5, 3 since the reload" {
		t.Errorf("got %q", got)
	}
	page := get(t, url+"/panic")
	if !strings.HasPrefix(page, "500 500 panic: oops") || !strings.Contains(page, filepath.Join(filepath.Dir(first), "plugin.go")+":") {
		t.Errorf("got %q", page)
	}
	if runtime.GOOS == "linux" {
		inherited := get(t, url+"/inherited")
		if strings.Contains(inherited, "ANVIL_") || strings.Contains(inherited, "socket:") {
			t.Errorf("a child inherits what the engine handed over:\n%s", inherited)
		}
	}
	_ = engine.Close() // as when the engine is killed
	if err := <-exited; err != nil {
		t.Errorf("the host: %v", err)
	}
}

func (w *world) alone(t *testing.T, first, second string) {
	path := filepath.Join(t.TempDir(), "app.so")
	install := func(version string) {
		t.Helper()
		if err := errors.Join(copyFile(path+".new", version), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
	install(first)
	private := t.TempDir()
	cmd := exec.CommandContext(t.Context(), w.host)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), control.EnvHot+"=1", control.EnvPlugin+"="+path, "HELLO_ADDR=127.0.0.1:0", "TMPDIR="+private)
	exited := w.start(t, cmd)
	url := urlOf(t, log)
	if got := get(t, url); got != "200 version 1: visit 1, 1 since the reload" {
		t.Errorf("got %q", got)
	}
	install(second)
	for visit := 2; ; visit++ {
		got := get(t, url)
		if strings.HasPrefix(got, "200 version 2: ") {
			if want := fmt.Sprintf("200 version 2: visit %d, 1 since the reload", visit); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			break
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-exited; err != nil {
		t.Errorf("the host: %v", err)
	}
	if left, err := os.ReadDir(private); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
