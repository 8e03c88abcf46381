package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

const version = "v0.7.0-test.1"

// newCheckout returns a git checkout of its own with the files that this one has
// now.
func newCheckout(t *testing.T) checkout {
	t.Helper()
	here := checkout{filepath.FromSlash("../..")}
	names, err := here.git(t.Context(), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ":!editors", ":!docs", ":!testdata/edits")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("not a git checkout: ", err)
	}
	c := checkout{t.TempDir()}
	for name := range strings.SplitSeq(strings.TrimSuffix(names, "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(here.dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, which is not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, string(data), c.dir, name)
	}
	for name, value := range map[string]string{"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull, "GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@example.com", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@example.com"} {
		t.Setenv(name, value)
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "everything"}} {
		c.must(t, args...)
	}
	return c
}

func (c checkout) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.git(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

func write(t *testing.T, text string, path ...string) {
	t.Helper()
	testkit.WriteFile(t, filepath.Join(path...), text)
}

func TestRelease(t *testing.T) {
	c := newCheckout(t)
	head := c.must(t, "rev-parse", "HEAD")
	state := func() string {
		return c.must(t, "status", "--porcelain") + c.must(t, "for-each-ref", "refs/heads") + c.must(t, "symbolic-ref", "HEAD")
	}
	before := state()
	r, err := release(t.Context(), filepath.Join(c.dir, "internal"), version)
	if err != nil {
		t.Fatal(err)
	}
	if after := state(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if tags := c.must(t, "tag", "--list"); tags != "hotreload/"+version+"\n"+version {
		t.Errorf("tags:\n%s", tags)
	}
	if r.runtime.commit != head || c.must(t, "rev-parse", "hotreload/"+version) != head {
		t.Errorf("the runtime is %+v, want it on %s", r.runtime, head)
	}
	if parent := c.must(t, "rev-parse", version+"^"); parent != head || c.must(t, "rev-parse", version) != r.tool.commit {
		t.Errorf("the tool is %+v on top of %s, want it on top of %s", r.tool, parent, head)
	}
	if changed := c.must(t, "diff", "--name-only", head, version); changed != "go.mod\ngo.sum" {
		t.Errorf("the release changes:\n%s", changed)
	}
	// The hashes are those that the go command finds, if it gets the runtime from git.
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", runtimeModule+"@"+version)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "GOPROXY=direct", "GOSUMDB=off", "GOWORK=off", "GOVCS=*:git", "GOFLAGS=-modcacherw", "GOMODCACHE="+t.TempDir(), "GIT_ALLOW_PROTOCOL=file",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+c.dir+".insteadOf", "GIT_CONFIG_VALUE_0=https://"+toolModule)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var found struct{ Sum, GoModSum string }
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	sum := c.must(t, "show", version+":go.sum")
	for _, want := range []string{runtimeModule + " " + version + " " + found.Sum, runtimeModule + " " + version + "/go.mod " + found.GoModSum} {
		if !slices.Contains(strings.Split(sum, "\n"), want) {
			t.Errorf("go.sum lacks %q:\n%s", want, sum)
		}
	}
	mod, err := modfile.Parse("go.mod", []byte(c.must(t, "show", version+":go.mod")), nil)
	if err != nil || len(mod.Replace) > 0 {
		t.Errorf("go.mod: %v, %v", mod, err)
	}
}

// TestRefused: nothing is tagged where a release would not be what it seems.
func TestRefused(t *testing.T) {
	c := newCheckout(t)
	for _, v := range []string{"", "1.2.3", "v1", "v1.2", "v2.0.0", "v2.0.0-rc.1", "v1.2.3+meta", "latest"} {
		if _, err := release(t.Context(), c.dir, v); !errors.Is(err, errVersion) {
			t.Errorf("version %q: %v", v, err)
		}
	}
	write(t, "x", c.dir, "new.txt")
	if _, err := release(t.Context(), c.dir, version); !errors.Is(err, errChanged) || !strings.Contains(err.Error(), "new.txt") {
		t.Errorf("with a change: %v", err)
	}
	if err := os.Remove(filepath.Join(c.dir, "new.txt")); err != nil {
		t.Fatal(err)
	}
	c.must(t, "tag", version)
	if _, err := release(t.Context(), c.dir, version); err == nil {
		t.Error("a tag was replaced")
	}
	c.must(t, "tag", "-d", version)
	if _, err := release(t.Context(), c.dir, version); err != nil {
		t.Fatal(err)
	}
	c.must(t, "checkout", "-q", version)
	if _, err := release(t.Context(), c.dir, "v0.8.0"); err == nil || !strings.Contains(err.Error(), "no commit of the branch") {
		t.Errorf("on the commit of a release: %v", err)
	}
	if tags := c.must(t, "tag", "--list"); tags != "hotreload/"+version+"\n"+version {
		t.Errorf("tags:\n%s", tags)
	}
}

// TestLicense: the go command looks for it in the module's own directory first.
func TestLicense(t *testing.T) {
	root, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if runtime, err := os.ReadFile("../../hotreload/LICENSE"); err != nil || !bytes.Equal(root, runtime) {
		t.Errorf("hotreload/LICENSE is another: %v", err)
	}
}
