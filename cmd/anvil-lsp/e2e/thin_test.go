package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// linked returns how the plugin of an event was linked.
func linked(ev control.Event) string {
	for _, step := range ev.Steps {
		if step.Name == control.StepLink {
			return step.Detail
		}
	}
	return ""
}

// TestCrashOfThin: a live generation that is linked with an earlier one comes
// back with it after a crash, and is edited further.
func TestCrashOfThin(t *testing.T) {
	s := harness.Start(t, harness.CopyApp(t, "blog"))
	const below, above, page = "handlers/internal/markup/markup.go", "handlers/debug.go", "/posts/1"
	plain := s.Get(page)
	s.Edit(below, "func HTML(src string) template.HTML {\n\tvar b strings.Builder\n", "func HTML(src string) template.HTML {\n\tvar b strings.Builder\n\tb.WriteString(\"<i>below</i>\")\n")
	if ev := s.Wait(control.EventLive); linked(ev) != "thin" {
		t.Errorf("linked %s", linked(ev))
	}
	s.Edit(above, `"ok"`, `"above"`)
	ev := s.Wait(control.EventLive)
	if linked(ev) != "thin" || !slices.Equal(ev.Rebuilt, []string{"example.com/blog/handlers"}) {
		t.Errorf("rebuilt %v, linked %s", ev.Rebuilt, linked(ev))
	}
	check := func(when, want string) {
		t.Helper()
		harness.Until(t, when, func() bool { status, body := s.Try("/healthz"); return status == 200 && strings.Contains(body, want) })
		if body := s.Get(page); !strings.Contains(body, "<i>below</i>") || strings.Contains(plain, "<i>below</i>") {
			t.Errorf("%s: the page lacks what is below:\n%s", when, body)
		}
	}
	check("before the crash", "above")
	if err := syscall.Kill(s.Live().Live.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.WaitFor("recovery", func(ev control.Event) bool { return ev.Kind == control.EventRecovered })
	check("after the crash", "above")
	s.Edit(above, `"above"`, `"further"`)
	if ev := s.Wait(control.EventLive); linked(ev) != "thin" {
		t.Errorf("linked %s", linked(ev))
	}
	check("edited further", "further")
}

// TestUnloadable: a thin plugin that the dynamic linker refuses is linked fully,
// in the same save.
func TestUnloadable(t *testing.T) {
	ld, err := exec.LookPath("ld")
	if err != nil {
		t.Skip(err)
	}
	// The first choice among linkers is one that can be told to make plugins
	// depend on a library which there is not.
	dir := t.TempDir()
	broken, library := filepath.Join(dir, "broken"), filepath.Join(dir, "libanvilmissing.so")
	if out, err := exec.Command("cc", "-shared", "-nostdlib", "-Wl,-soname,"+filepath.Base(library), "-x", "c", "-o", library, "/dev/null").CombinedOutput(); err != nil {
		t.Fatalf("making a library: %v\n%s", err, out)
	}
	script := "#!/bin/sh\n[ -e " + broken + " ] && set -- --no-as-needed " + library + " \"$@\"\nexec " + ld + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "mold"), []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // whether thin links work is found out with this linker
	t.Setenv("GOCACHE", goEnv(t, "GOCACHE"))
	s := harness.Start(t, harness.CopyApp(t, "hello"))
	s.Edit("handlers/handlers.go", "Hello!", "Good day!")
	if ev := s.Wait(control.EventLive); linked(ev) != "thin" {
		t.Fatalf("linked %s", linked(ev))
	}
	if err := os.WriteFile(broken, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	s.Edit("handlers/handlers.go", "Good day!", "Welcome!")
	ev := s.Wait(control.EventLive)
	var links []string
	for _, step := range ev.Steps {
		if step.Name == control.StepLink {
			links = append(links, step.Detail)
		}
	}
	if len(links) != 2 || links[0] != "thin" || !strings.HasPrefix(links[1], "full: ") || !strings.Contains(links[1], "libanvilmissing.so") || ev.Generation != 3 {
		t.Errorf("generation %d, linked %q", ev.Generation, links)
	}
	if body := s.Get("/"); !strings.HasPrefix(body, "Welcome!") {
		t.Errorf("the application says %q", body)
	}
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	s.Edit("handlers/handlers.go", "Welcome!", "Hello again!")
	if ev := s.Wait(control.EventLive); linked(ev) != "thin" {
		t.Errorf("linked %s", linked(ev))
	}
	if body := s.Get("/"); !strings.HasPrefix(body, "Hello again!") {
		t.Errorf("the application says %q", body)
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
