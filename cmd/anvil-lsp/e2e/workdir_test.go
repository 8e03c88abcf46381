package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// shop makes hello a module whose program is in cmd/api and reads a file by a
// relative path when it starts. The module's root has a package of its own, so
// the language server takes cmd/api for the application's directory.
func shop(t *testing.T) string {
	t.Helper()
	dir := harness.CopyApp(t, "hello")
	main, err := os.ReadFile(filepath.Join(dir, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	const reads = "func main() {\n\tconfig, err := os.ReadFile(\"./configs/app.yaml\")\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n\tlog.Printf(\"configured in %s\", config)\n"
	text := strings.Replace(string(main), "func main() {\n", reads, 1)
	text = strings.Replace(text, "err := hotreload", "err = hotreload", 1)
	testkit.WriteTree(t, dir, map[string]string{
		"cmd/api/main.go": text, "main.go": "package hello\n", "configs/app.yaml": "the root", "other/configs/app.yaml": "other",
	})
	return dir
}

// statusOf asks the engine of a directory.
func statusOf(t *testing.T, dir string) (s control.Status) {
	t.Helper()
	out, err := exec.Command(harness.Binary(t), "ctl", "--dir", dir, "status", "--json").Output()
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWorkingDirectory: a file that the application names by a relative path is
// the same one however it is started.
func TestWorkingDirectory(t *testing.T) {
	dir := shop(t)
	api := filepath.Join(dir, "cmd", "api")
	for _, tt := range []struct {
		name    string
		in, dir string
		args    []string
		serves  string // directory
		config  string
		told    bool
	}{
		{"its own directory", "", api, nil, api, "the root", true},
		{"the module", "", dir, []string{"--main", "./cmd/api"}, dir, "the root", false},
		{"from within", api, ".", nil, api, "the root", true},
		{"another directory", dir, "cmd/api", []string{"--cwd", "other"}, api, "other", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := harness.LaunchIn(t, tt.in, tt.dir, tt.args...)
			told := 0
			live := s.WaitFor("the end of the start", func(ev control.Event) bool {
				if ev.Kind == control.EventWarning && strings.Contains(ev.Message, "the application runs in "+dir+", the root of its module") {
					told++
				}
				return ev.Kind == control.EventLive || ev.Kind == control.EventKept
			})
			if live.Kind != control.EventLive || (told == 1) != tt.told {
				t.Fatalf("%s, told %d times: %s %v", live.Kind, told, live.Message, live.Diagnostics)
			}
			want := dir
			if tt.config == "other" {
				want = filepath.Join(dir, "other")
			}
			if st := statusOf(t, tt.serves); st.Cwd != want {
				t.Errorf("it runs in %q, want %q", st.Cwd, want)
			}
			if tt.name == "from within" { // also when it is started again
				if err := syscall.Kill(live.PID, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				s.WaitFor("a new process", func(ev control.Event) bool { return ev.Kind == control.EventRecovered })
			}
			s.Get("/time")
			if !strings.Contains(s.Stderr.String(), "configured in "+tt.config) {
				t.Errorf("it was not configured in %s", tt.config)
			}
			s.Stop()
		})
	}
	for name, want := range map[string]string{"": dir, "other": filepath.Join(dir, "other")} {
		t.Run("editor "+name, func(t *testing.T) {
			e := harness.StartEditor(t, dir)
			e.Initialize(lsptest.Options{Root: dir, Settings: map[string]any{"cwd": name}})
			e.Await("the application", func(s *lsptest.State) bool { return s.Status[uri.File(api)].State == "live" })
			if st := statusOf(t, api); st.Cwd != want {
				t.Errorf("it runs in %q, want %q", st.Cwd, want)
			}
		})
	}
}
