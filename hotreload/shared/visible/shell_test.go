package visible

import (
	"os/exec"
	"testing"
)

// TestShell has a shell take the words apart again.
func TestShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	for _, s := range []string{
		"", "/posts/7", "it's", "a b", "$(touch x)", "`id`", `"`, `back\slash`, "!history", "a;b&c|d>e", "#x", "~", "*?[a]{b,c}", "-n", "größe", "''", "'; rm -r . #",
	} {
		out, err := exec.Command(sh, "-c", "printf %s "+Shell(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("%q became %s, which a shell reads as %q (%v)", s, Shell(s), out, err)
		}
	}
	for in, want := range map[string]string{"/home/ann/app": "/home/ann/app", "it's": `'it'\''s'`, "a\nb": `'a\nb'`, "\x1b[2J": `'\x1b[2J'`} {
		if got := Shell(in); got != want {
			t.Errorf("%q became %s, want %s", in, got, want)
		}
	}
}
