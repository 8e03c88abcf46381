package neovim_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// TestEndToEnd: Neovim goes through the whole loop with the plugin and the real
// server. The assertions are in test/e2e.lua.
func TestEndToEnd(t *testing.T) {
	nvim := testkit.Program(t, "nvim", "apt-get install neovim")
	dir := harness.CopyApp(t, "hello")
	script, err := filepath.Abs(filepath.FromSlash("test/e2e.lua"))
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir() // nothing of the user's
	cmd := exec.CommandContext(t.Context(), nvim, "--headless", "-n", "-i", "NONE", "-u", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ANVIL_TEST_SERVER="+harness.Binary(t), "ANVIL_TEST_PATIENCE_MS="+strconv.FormatInt(harness.Patience.Milliseconds(), 10),
		"XDG_CONFIG_HOME="+filepath.Join(home, "config"), "XDG_DATA_HOME="+filepath.Join(home, "data"), "XDG_STATE_HOME="+filepath.Join(home, "state"))
	if runtime.GOOS == "linux" { // elsewhere nobody sees whether gopls runs
		gopls := filepath.Join(home, "gopls")
		if err := os.WriteFile(gopls, []byte("#!/bin/sh\nread -r until_the_end\n"), 0o777); err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, "ANVIL_TEST_GOPLS="+gopls)
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("\nPASS\n")) {
		t.Fatalf("%v\n%s", err, out)
	}
	if bytes.Contains(out, []byte("HANDLER_ERROR")) {
		t.Errorf("a handler of the plugin failed:\n%s", out)
	}
	t.Logf("%s", out)
}
