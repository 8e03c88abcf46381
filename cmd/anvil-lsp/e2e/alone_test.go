//go:build linux

package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// selfish is what a main has that cannot run twice at once: a port, a lock, and
// a child, whose number is in child.pid.
const selfish = `
	metrics, err := net.Listen("tcp", %q)
	if err != nil {
		log.Fatal("metrics: ", err)
	}
	go http.Serve(metrics, nil)
	db, err := os.Create("app.db")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if err := syscall.Flock(int(db.Fd()), syscall.LOCK_EX); err != nil {
		log.Fatal(err)
	}
	child := exec.Command("sleep", "1000")
	if err := child.Start(); err != nil {
		log.Fatal(err)
	}
	os.WriteFile("child.pid", []byte(strconv.Itoa(child.Process.Pid)), 0o600)
`

// TestRestartOfWhatIsAlone: a main that cannot run twice at once is restarted
// all the same, a later hot change is a hot swap, and its children end with it,
// also when the engine is killed.
func TestRestartOfWhatIsAlone(t *testing.T) {
	s := launchAlone(t, nettest.Reserve(t))
	s.Wait(control.EventLive)
	first := child(s)
	s.Edit("main.go", `"metrics: "`, `"metrics do not work: "`)
	told := s.Wait(control.EventWarning)
	if !strings.Contains(told.Message, "two processes cannot both") {
		t.Errorf("warning %q", told.Message)
	}
	if ev := s.Wait(control.EventLive); ev.Rung != manifest.RungWarmRestart {
		t.Errorf("after main changed: rung %q", ev.Rung)
	}
	s.Get("/time")
	harness.Until(t, "the child of the old process ends", func() bool { return !runs(first) })

	s.Edit("handlers/handlers.go", "package handlers", "// changed\npackage handlers")
	if ev := s.Wait(control.EventLive); ev.Rung != manifest.RungHotSwap {
		t.Errorf("after a handler changed: rung %q", ev.Rung)
	}
	// A main that fails takes nothing down.
	s.Edit("main.go", "metrics, err", "if true {\n\tlog.Fatal(\"no config\")\n}\nmetrics, err")
	if ev := s.Wait(control.EventKept); !strings.Contains(fmt.Sprint(ev.Diagnostics), "no config") || !strings.Contains(ev.Message, "started again") {
		t.Errorf("kept because of %v: %s", ev.Diagnostics, ev.Message)
	}
	s.Get("/time")

	child := child(s)
	live := s.Live().Live.PID
	if err := s.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.Exited
	harness.Until(t, "the live server of a killed engine ends", func() bool { return !runs(live) })
	harness.Until(t, "and its child", func() bool { return !runs(child) })
}

func launchAlone(t *testing.T, port string) *harness.Server {
	dir := harness.CopyApp(t, "hello")
	s := &harness.Server{T: t, Dir: dir}
	main := s.Read("main.go")
	main = strings.Replace(main, "import (", "import (\n\t\"net\"\n\t\"net/http\"\n\t\"os/exec\"\n\t\"strconv\"", 1)
	main = strings.Replace(main, "\tc := hotreload", fmt.Sprintf(selfish, port)+"\n\tc := hotreload", 1)
	main = strings.Replace(main, "err := hotreload.LiveServer", "err = hotreload.LiveServer", 1)
	s.Save("main.go", main)
	return harness.Launch(t, dir)
}

// child returns the number of the newest child.
func child(s *harness.Server) int {
	s.T.Helper()
	pid, err := strconv.Atoi(s.Read("child.pid"))
	if err != nil {
		s.T.Fatal(err)
	}
	return pid
}

// runs reports whether a process runs; one that nobody has waited for does not.
func runs(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(data), ") Z ")
}

// TestEngineIsKilledBeforeLiveServer: a main that waits before it calls
// LiveServer ends with the engine, too.
func TestEngineIsKilledBeforeLiveServer(t *testing.T) {
	dir := harness.CopyApp(t, "hello")
	s := &harness.Server{T: t, Dir: dir}
	s.Edit("main.go", "\tc := hotreload", "\tos.WriteFile(\"child.pid\", []byte(strconv.Itoa(os.Getpid())), 0o600)\n\tselect {}\n\tc := hotreload")
	s.Edit("main.go", "import (", "import (\n\t\"strconv\"")
	s.Edit("main.go", "signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)", "signal.NotifyContext(context.Background(), os.Interrupt)\n\t_ = syscall.SIGTERM")
	s = harness.Launch(t, dir)
	var pid int
	harness.Until(t, "main runs", func() bool {
		data, err := os.ReadFile(s.Path("child.pid"))
		pid, _ = strconv.Atoi(string(data))
		return err == nil && pid > 0
	})
	if err := s.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.Exited
	harness.Until(t, "main ends", func() bool { return !runs(pid) })
}
