package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// TestEmacs has a real Emacs go through the whole loop with the configuration
// that docs/editors.md shows: keys are typed into a terminal, and what they led
// to is asked of Emacs, the engine and the application.
func TestEmacs(t *testing.T) {
	t.Run("eglot", func(t *testing.T) {
		e := startEmacs(t, emacsConfiguration(t, "eglot-server-programs"), `
			(setf (plist-get (plist-get (default-value 'eglot-workspace-configuration) :anvil) :address) "127.0.0.1:0")
			(setf (plist-get (plist-get (default-value 'eglot-workspace-configuration) :anvil) :startTimeout) 300)`)
		e.keys("\x1bxeglot\r")
		e.loop("\x01\x0bRun\r", // the first answer, not to run it, stands there already
			`(process-id (jsonrpc--process (eglot-current-server)))`)
	})
	t.Run("lsp-mode", func(t *testing.T) {
		e := startEmacs(t, emacsConfiguration(t, "lsp-register-client")+"(require 'project)"+emacsConfiguration(t, "project-find-functions"), `
			(require 'lsp-mode)
			(setq lsp-session-file (concat user-emacs-directory "session") lsp-auto-guess-root t lsp-keep-workspace-alive nil
			      lsp-diagnostics-provider :flymake lsp-headerline-breadcrumb-enable nil lsp-enable-snippet nil)
			(lsp-register-custom-settings '(("anvil.address" "127.0.0.1:0") ("anvil.startTimeout" 300)))`)
		e.keys("\x1bxlsp\r")
		e.loop("Run\r", `(process-id (lsp--workspace-proc (lsp-find-workspace 'anvil)))`)
	})
}

// TestEmacsProject checks that the block of docs/editors.md about projects has
// Emacs take the directory of go.mod for the root.
func TestEmacsProject(t *testing.T) {
	needEmacs(t)
	dir := harness.CopyApp(t, "hello")
	cmd := exec.Command("emacs", "--batch", "--quick", "--eval", "(progn (require 'project) "+emacsConfiguration(t, "project-find-functions")+
		" (princ (expand-file-name (project-root (project-current)))))")
	cmd.Dir = filepath.Join(dir, "handlers")
	out, err := cmd.CombinedOutput()
	if got, want := string(out), dir+"/"; err != nil || got != want {
		t.Errorf("the root is %q (%v), want %q", got, err, want)
	}
}

// loop goes through what a user does, from the question about trust to the end
// of Emacs. Run are the keys that answer the question that it may run, pid is the
// expression for the language server's process.
func (e *emacs) loop(run, pid string) {
	t := e.T
	const diagnostics = `(mapconcat #'flymake-diagnostic-text (flymake-diagnostics) "\n")`

	// The question about trust stands in the minibuffer.
	e.until("(with-current-buffer (window-buffer (minibuffer-window)) (buffer-string))", "Run the code in "+e.Dir)
	if _, err := os.Lstat(e.Path(".anvil")); err == nil {
		t.Error(".anvil is there before trust")
	}
	e.keys(run)
	st := e.engine("generation 1", func(st control.Status) bool { return st.State == control.StateLive && st.Generation == 1 })
	e.URL = st.URL
	if got := e.Get("/"); !strings.HasPrefix(got, "Hello! Visit 1,") {
		t.Errorf("the page is %q", got)
	}

	// What a save would do stands in the buffer before it.
	e.after("func now(w http.ResponseWriter, _ *http.Request)")
	e.keys(" error")
	const changed = "signature of GET /time changed"
	e.until(diagnostics, changed)
	if got := e.eval("(buffer-modified-p)"); got != "t" {
		t.Error("the buffer was saved")
	}
	e.keys("\x1f") // undo
	e.until("(buffer-modified-p)", "nil")
	harness.Until(t, "the diagnostic is gone", func() bool { return !strings.Contains(e.eval(diagnostics), changed) })

	e.after(`"Hello`)
	e.keys(" there\x18\x13") // save-buffer
	e.engine("generation 2", func(st control.Status) bool { return st.State == control.StateLive && st.Generation == 2 })
	if got := e.Get("/"); !strings.HasPrefix(got, "Hello there! Visit 2,") {
		t.Errorf("the page after a save is %q", got)
	}

	// A restart that takes long: Emacs answers keys meanwhile.
	wait := filepath.Join(e.Dir, ".wait")
	if err := os.WriteFile(wait, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	e.keys("\x1bxanvil-restart\r")
	harness.Until(t, "the new process waits", func() bool { _, err := os.Stat(wait + "ing"); return err == nil })
	e.eval("(goto-char (point-min))")
	e.keys("\x1b>") // end-of-buffer
	e.until("(eobp)", "t")
	if got := e.Status().Counts.Restarts; got != 0 {
		t.Errorf("%d restarts before the application went on", got)
	}
	if err := os.Remove(wait); err != nil {
		t.Fatal(err)
	}
	st = e.engine("a restart", func(st control.Status) bool {
		return st.State == control.StateLive && st.Counts.Restarts == 1 && st.Live != nil
	})
	e.until(`(with-current-buffer "*Messages*" (buffer-string))`, "anvil: restarted")
	if got := e.Get("/"); !strings.HasPrefix(got, "Hello there! Visit 1,") {
		t.Errorf("the page after a restart is %q", got)
	}

	// The end of Emacs is the end of all.
	server, err := strconv.Atoi(e.eval(pid))
	if err != nil {
		t.Fatal(err)
	}
	e.keys("\x18\x03") // save-buffers-kill-terminal
	<-e.Exited
	for what, pid := range map[string]int{"the language server": server, "the engine": st.PID, "the application": st.Live.PID} {
		harness.Until(t, "the end of "+what, func() bool { return !harness.Alive(pid) })
	}
}

// emacsConfiguration returns the block of docs/editors.md that names something.
func emacsConfiguration(t *testing.T, names string) string {
	t.Helper()
	docs, err := os.ReadFile(filepath.FromSlash("../../../docs/editors.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```elisp\n(.*?)```").FindAllSubmatch(docs, -1) {
		if strings.Contains(string(block[1]), names) {
			return string(block[1])
		}
	}
	t.Fatalf("docs/editors.md has no block of Emacs Lisp with %s", names)
	return ""
}

// needEmacs skips a test where Emacs is missing.
func needEmacs(t *testing.T) {
	t.Helper()
	for _, name := range []string{"emacs", "emacsclient", "script"} {
		testkit.Program(t, name, "apt-get install emacs-nox elpa-eglot elpa-lsp-mode elpa-go-mode")
	}
}

// emacs is a running Emacs with the handlers of an application before it. As an
// engine, it is the one that the language server has started.
type emacs struct {
	*harness.Server
	socket   string
	keyboard io.Writer
}

// startEmacs starts Emacs in a terminal of its own, with a configuration and what
// the test adds to it. The application is in no repository, so Emacs takes the
// directory of the handlers for the project.
func startEmacs(t *testing.T, configuration, more string) *emacs {
	t.Helper()
	needEmacs(t)
	e := &emacs{Server: &harness.Server{T: t, Dir: harness.CopyApp(t, "hello"), Client: &http.Client{Timeout: time.Minute}, Stderr: new(testkit.Buffer), Exited: make(chan struct{})}}
	e.Edit("main.go", "func main() {\n", `func main() {
	for _, err := os.Stat(".wait"); err == nil; _, err = os.Stat(".wait") {
		_ = os.WriteFile(".waiting", nil, 0o666)
		time.Sleep(10 * time.Millisecond)
	}
`)
	e.Edit("main.go", "\t\"syscall\"\n", "\t\"syscall\"\n\t\"time\"\n")

	home := t.TempDir()                           // nothing of the user's
	if err := os.Chmod(home, 0o700); err != nil { // as Emacs wants it of the place of a socket
		t.Fatal(err)
	}
	e.socket = filepath.Join(home, "emacs")
	init := filepath.Join(home, "init.el")
	text := `(setq user-emacs-directory "` + home + `/" package-user-dir "` + home + `/elpa" inhibit-startup-screen t
      server-socket-dir "` + home + `" server-name "emacs"
      native-comp-deferred-compilation nil native-comp-jit-compilation nil) ; costs minutes
(package-initialize)
` + configuration + more + "\n(server-start)\n"
	if err := os.WriteFile(init, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}

	e.Cmd = exec.Command("script", "--quiet", "--return", "--command",
		"stty rows 40 columns 140; exec emacs --no-window-system --no-init-file --load "+init+" handlers/handlers.go", os.DevNull)
	e.Cmd.Dir = e.Dir
	e.Cmd.Env = append(os.Environ(), "TERM=xterm", "PATH="+filepath.Dir(harness.Binary(t))+string(os.PathListSeparator)+os.Getenv("PATH"),
		"XDG_CONFIG_HOME="+filepath.Join(home, "config"), "XDG_STATE_HOME="+filepath.Join(home, "state"))
	e.Cmd.Stdout, e.Cmd.Stderr = e.Stderr, e.Stderr
	keyboard, err := e.Cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	e.keyboard = keyboard
	if err := e.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		e.Err = e.Cmd.Wait()
		close(e.Exited)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the terminal:\n%q", e.Stderr.String())
		}
		select {
		case <-e.Exited:
		default:
			_ = e.Cmd.Process.Kill() // Emacs gets SIGHUP, and ends
			<-e.Exited
		}
	})
	harness.Until(t, "Emacs shows the file", func() bool {
		mode, err := e.ask("(derived-mode-p 'go-mode)") // fails until Emacs listens
		return err == nil && mode == "go-mode"
	})
	return e
}

// keys types.
func (e *emacs) keys(keys string) {
	e.T.Helper()
	if _, err := io.WriteString(e.keyboard, keys); err != nil {
		e.T.Fatal(err)
	}
}

// eval evaluates an expression in the buffer of the file, between two keys.
func (e *emacs) eval(expression string) string {
	e.T.Helper()
	value, err := e.ask(expression)
	if err != nil {
		e.T.Fatal(err)
	}
	return value
}

// ask is eval for an Emacs that may not be there yet.
func (e *emacs) ask(expression string) (string, error) {
	ctx, cancel := context.WithTimeout(e.T.Context(), harness.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "emacsclient", "--socket-name", e.socket, "--eval",
		`(with-selected-window (get-buffer-window (find-buffer-visiting "`+e.Path("handlers/handlers.go")+`")) `+expression+")")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", expression, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// until waits until the value of an expression contains a text.
func (e *emacs) until(expression, text string) {
	e.T.Helper()
	harness.Until(e.T, text+" in "+expression, func() bool { return strings.Contains(e.eval(expression), text) })
}

// after moves point behind a text.
func (e *emacs) after(text string) {
	e.T.Helper()
	if e.eval("(progn (goto-char (point-min)) (search-forward "+strconv.Quote(text)+" nil t))") == "nil" {
		e.T.Fatalf("%q is not in the buffer", text)
	}
}

// engine waits for a status of the engine.
func (e *emacs) engine(what string, ok func(control.Status) bool) control.Status {
	e.T.Helper()
	var st control.Status
	harness.Until(e.T, what, func() bool {
		ctx, cancel := context.WithTimeout(e.T.Context(), time.Minute)
		defer cancel()
		c := transport.NewClient(e.Path(".anvil/engine.sock"))
		defer c.Close()
		return c.Get(ctx, control.PathStatus, &st) == nil && ok(st)
	})
	return st
}
