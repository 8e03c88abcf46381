package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == loadCommand { // started by a test
		main()
		return
	}
	os.Exit(m.Run())
}

// repository is a git repository that a test makes.
type repository struct {
	*testing.T
	dir string
}

func newRepository(t *testing.T, dir string) *repository {
	r := &repository{t, dir}
	r.git("init", "-q", "-b", "main")
	r.git("config", "user.name", "test")
	r.git("config", "user.email", "test@localhost")
	r.git("config", "commit.gpgsign", "false")
	r.git("config", "core.autocrlf", "false")
	return r
}

func (r *repository) git(args ...string) string {
	r.Helper()
	out, err := git(context.Background(), r.dir, args...)
	if err != nil {
		r.Fatal(err)
	}
	return out
}

func (r *repository) commit(subject string, files map[string]string) {
	r.Helper()
	for name, text := range files {
		file := filepath.Join(r.dir, name)
		if text == "" {
			if err := os.Remove(file); err != nil {
				r.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			r.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			r.Fatal(err)
		}
	}
	r.git("add", "-A")
	r.git("commit", "-q", "-m", subject)
}

func (r *repository) read(name string) string {
	r.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.Fatal(err)
	}
	return string(data)
}

// TestHistory picks commits that conflict in each way with what is checked out.
func TestHistory(t *testing.T) {
	r := newRepository(t, t.TempDir())
	lines := func(s ...string) string { return strings.Join(s, "\n") + "\n" }
	r.commit("base", map[string]string{"a": lines("1", "2", "3", "4", "5", "6", "7"), "gone": "x\n", "kept": lines("k", "l", "m")})
	r.git("tag", "base")
	r.commit("both lines", map[string]string{"a": lines("one", "2", "3", "4", "5", "6", "seven")})
	r.commit("edits what is gone", map[string]string{"gone": "y\n"})
	r.commit("deletes what was edited", map[string]string{"kept": ""})
	r.commit("adds", map[string]string{"new/b": "b\n"})
	r.git("switch", "-q", "-c", "side")
	r.commit("on a side", map[string]string{"c": "c\n"})
	r.git("switch", "-q", "main")
	r.git("merge", "-q", "--no-ff", "-m", "merges", "side")
	r.git("switch", "-q", "-c", "hot", "base")
	r.commit("moved in", map[string]string{"a": lines("ours", "2", "3", "4", "5", "6", "7"), "gone": "", "kept": lines("k", "ours", "m")})

	h, err := openHistory(t.Context(), r.dir, worktreePath(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	commits, err := h.commits(t.Context(), "", "main", 0)
	if err != nil || len(commits) != 5 {
		t.Fatalf("%q, %v", commits, err)
	}
	if few, err := h.commits(t.Context(), "base", "main", 2); err != nil || !slices.Equal(few, commits[:2]) {
		t.Errorf("the first two: %q, %v", few, err)
	}
	if none, err := h.commits(t.Context(), "main", "base", 0); err == nil {
		t.Errorf("none: %q", none)
	}
	for i, want := range []string{"both lines", "", "", "adds", "merges"} {
		picked, err := h.pick(t.Context(), commits[i])
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if picked != "" {
			if _, got, err = h.subject(t.Context(), picked); err != nil {
				t.Fatal(err)
			}
			if err := h.checkOut(t.Context(), picked); err != nil {
				t.Fatal(err)
			}
		}
		if got != want {
			t.Errorf("commit %d: %q, want %q", i, got, want)
		}
	}
	for name, want := range map[string]string{"a": lines("ours", "2", "3", "4", "5", "6", "seven"), "kept": lines("k", "ours", "m"), "new/b": "b\n", "c": "c\n"} {
		if got := r.read(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if err := h.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if branch := r.git("symbolic-ref", "--short", "HEAD"); branch != "hot" {
		t.Errorf("checked out is %s", branch)
	}
	if trees := r.git("worktree", "list"); strings.Contains(trees, "\n") {
		t.Errorf("work trees are left: %s", trees)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "a"), []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := openHistory(t.Context(), r.dir, worktreePath(t.TempDir())); err == nil || !strings.Contains(err.Error(), "has changes") {
		t.Errorf("changes that would be lost: %v", err)
	}
}

// TestReplay makes commits of every kind on the running sample hello.
func TestReplay(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs an application")
	}
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples/hello"))); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".anvil")); err != nil { // whoever ran the sample has left it
		t.Fatal(err)
	}
	r := newRepository(t, dir)
	r.commit("base", nil)
	r.git("tag", "base")
	handlers, visits := r.read("handlers/handlers.go"), r.read("visits/visits.go")
	hello := strings.Replace(handlers, `"Hello!`, `"Hallo!`, 1)
	r.commit("a handler", map[string]string{"handlers/handlers.go": hello})
	r.commit("text", map[string]string{"README": "read\n"})
	r.commit("a host package", map[string]string{"visits/visits.go": visits + "\n// More counts twice.\nfunc (c *Counter) More() int64 { c.Add(); return c.Add() }\n"})
	r.commit("a mistake", map[string]string{"handlers/handlers.go": hello + "\nfunc missing() { nobody() }\n"})
	r.commit("corrected", map[string]string{"handlers/handlers.go": hello + "\nfunc missing() {}\n"})
	r.git("switch", "-q", "-c", "hot", "base")
	mod := strings.ReplaceAll(r.read("go.mod"), "=> ../../", "=> "+root+"/")
	r.commit("runs here", map[string]string{"go.mod": mod})

	tool := filepath.Join(t.TempDir(), "anvil-lsp")
	if out, err := exec.Command("go", "build", "-o", tool, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &replay{
		options: options{dir: dir, to: "main", tool: tool, paths: pathList{"/", "/time"}, rate: 50, quiet: 4 * time.Second, timeout: 5 * time.Minute},
		work:    t.TempDir(), self: []string{self, loadCommand}, say: t.Logf,
	}
	report, err := p.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []Outcome
	for _, c := range report.Commits {
		got = append(got, c.Outcome)
	}
	if want := []Outcome{HotSwap, Nothing, Restart, Kept, HotSwap}; !slices.Equal(got, want) {
		t.Errorf("outcomes %q, want %q", got, want)
	}
	if err := report.fault(); err != nil || report.Load.Requests == 0 || report.Load.Statuses[200] != report.Load.Requests {
		t.Errorf("%v, %+v", err, report.Load)
	}
	if branch, state := r.git("symbolic-ref", "--short", "HEAD"), r.git("status", "--porcelain", "-uno"); branch != "hot" || state != "" {
		t.Errorf("checked out is %s, %q", branch, state)
	}
	var out bytes.Buffer
	if err := report.write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"5 commits\n", "2 hot swap", "1 restart", "1 kept", "1 nothing", "0 wrong predictions\n", " 0 failed, "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}

func TestFault(t *testing.T) {
	r := &Report{Commits: []*Commit{{Outcome: HotSwap}, {Outcome: Kept, Wrong: true, Says: "why"}}, Load: &Load{}}
	if err := r.fault(); err == nil || !strings.Contains(err.Error(), "1 predictions were wrong") {
		t.Errorf("a wrong prediction: %v", err)
	}
	r.Commits[1].Wrong = false
	if err := r.fault(); err != nil {
		t.Error(err)
	}
	l := &Load{Statuses: map[int]int{}}
	for _, status := range []int{200, 404, 500, 502, 503, 504} {
		l.add(time.Now(), "/", status, nil)
	}
	l.add(time.Now(), "/", 0, context.DeadlineExceeded)
	l.add(time.Now(), "/", 200, context.DeadlineExceeded) // it broke off
	if l.Requests != 8 || l.Failed != 5 || len(l.Failures) != 5 {
		t.Errorf("%+v", l)
	}
	r.Load = l
	if err := r.fault(); err == nil || !strings.Contains(err.Error(), "5 requests failed") {
		t.Errorf("failed requests: %v", err)
	}
}
