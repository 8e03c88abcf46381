package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// TestNeovim has a real Neovim go through the whole loop with the plugin of
// editors/neovim. The assertions are in its test/e2e.lua.
func TestNeovim(t *testing.T) {
	nvim := testkit.Program(t, "nvim", "apt-get install neovim")
	dir := copyApp(t, "hello")
	script, err := filepath.Abs(filepath.FromSlash("../../../editors/neovim/test/e2e.lua"))
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir() // nothing of the user's
	cmd := exec.CommandContext(t.Context(), nvim, "--headless", "-n", "-i", "NONE", "-u", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ANVIL_TEST_SERVER="+binary, "ANVIL_TEST_PATIENCE_MS="+strconv.FormatInt(patience.Milliseconds(), 10),
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
