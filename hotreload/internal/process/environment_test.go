//go:build anvilhot

package process

import (
	"os"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

func TestReadEnvironment(t *testing.T) {
	for _, name := range []string{control.EnvListenFD, control.EnvControlFD, control.EnvAliveFD} {
		t.Setenv(name, "")
	}
	t.Setenv(control.EnvHot, "0")
	t.Setenv(control.EnvPlugin, "p.so")
	if e := ReadEnvironment(); e.Hot || e.Plugin != "" || os.Getenv(control.EnvPlugin) != "p.so" {
		t.Errorf("not hot: %+v", e)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	t.Setenv(control.EnvHot, "1")
	t.Setenv(control.EnvGeneration, "5")
	t.Setenv(control.EnvHandlers, "example.com/h")
	t.Setenv(control.EnvHotPaths, "example.com/h,example.com/h/views")
	t.Setenv(control.EnvDir, "/shop")
	t.Setenv(control.EnvSources, "/src/app:/src/lib")
	t.Setenv(control.EnvListenFD, "-1")
	e := ReadEnvironment()
	if !e.Hot || e.Dir != "/shop" || e.Generation != 5 || e.Plugin != "p.so" || e.Handlers != "example.com/h" || len(e.HotPaths) != 2 || len(e.Sources) != 2 || e.Control != nil {
		t.Errorf("hot: %+v", e)
	}
	if e.Err == nil || !strings.Contains(e.Err.Error(), `ANVIL_LISTEN_FD="-1" is not a number`) {
		t.Errorf("bad descriptor: %v", e.Err)
	}
	for _, name := range []string{control.EnvHot, control.EnvPlugin, control.EnvDir, control.EnvHotPaths, control.EnvSources} {
		if _, ok := os.LookupEnv(name); ok {
			t.Errorf("%s is still set", name)
		}
	}
}
