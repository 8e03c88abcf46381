//go:build unix

package launch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
)

// firstFile is the descriptor that the first of ExtraFiles has in a child.
const firstFile = 3

// lastWords is how old what a process has printed may be at its end to be about the end.
const lastWords = time.Second

// newSystem returns the real one.
func newSystem(o Options) (system, error) {
	if err := os.MkdirAll(o.RunDir, 0o700); err != nil {
		return system{}, fmt.Errorf("directory for control sockets: %w", err)
	}
	u := &unixSystem{Options: o, stdout: &lockedWriter{w: o.Stdout}, stderr: &lockedWriter{w: o.Stderr}}
	if err := u.removeStaleSockets(); err != nil {
		return system{}, err
	}
	return system{
		start: u.start,
		front: func() (*front, error) { return newFront(o) },
		holds: u.holds,
		waits: u.waits,
		owner: u.owner,
		keep:  func(c *child) { o.Socket.kept.replace(c.shelf) },
		drop:  func(c *child) { o.Socket.kept.drop(c.shelf) },
	}, nil
}

type unixSystem struct {
	Options
	sockets        atomic.Int64 // numbers the control sockets
	stdout, stderr *lockedWriter
}

// removeStaleSockets removes what an engine that was killed has left behind.
func (u *unixSystem) removeStaleSockets() error {
	entries, err := os.ReadDir(u.RunDir)
	if err != nil {
		return fmt.Errorf("directory for control sockets: %w", err)
	}
	for _, e := range entries {
		if ok, _ := filepath.Match("live-*.sock", e.Name()); !ok {
			continue
		}
		path := filepath.Join(u.RunDir, e.Name())
		l, err := transport.ListenUnix(path)
		if errors.Is(err, transport.ErrInUse) {
			continue // a live server of that engine is still draining
		}
		if err == nil {
			err = l.Close()
		}
		if err := errors.Join(err, os.Remove(path)); err != nil {
			return fmt.Errorf("removing an old control socket: %w", err)
		}
	}
	return nil
}

// start starts a process that serves img. Its control socket is bound already: calls to it wait
// until it answers.
func (u *unixSystem) start(img Image, awaits bool) (_ *child, err error) {
	var files []*os.File // to be closed here once the process has them, or if it cannot be started
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	listener, err := u.Socket.file()
	if err != nil {
		return nil, err
	}
	files = append(files, listener)
	pass, take, err := u.Socket.queueFiles()
	if err != nil {
		return nil, err
	}
	queue := []*os.File{pass, take}
	if pass == nil {
		queue = nil
	}
	files = append(files, queue...)
	const first = firstFile
	kept, told, err := u.Socket.kept.files(first + 3 + len(queue))
	if err != nil {
		return nil, err
	}
	files = append(files, kept...)
	shelf, shelfEnd, err := openShelf()
	if err != nil {
		return nil, err
	}
	keepAt := 0
	if shelf != nil {
		files = append(files, shelfEnd)
		keepAt = first + 3 + len(queue) + len(kept)
		kept = append(kept, shelfEnd)
		defer func() {
			if err != nil {
				shelf.Close()
			}
		}()
	}
	path, controls, err := u.controlSocket()
	if err != nil {
		return nil, err
	}
	files = append(files, controls)
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	pipes := make([]*os.File, 0, 6)
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(pipes)
			return nil, fmt.Errorf("starting %s: %w", img.Executable, err)
		}
		pipes = append(pipes, r, w)
	}
	aliveR, aliveW, outR, outW, errR, errW := pipes[0], pipes[1], pipes[2], pipes[3], pipes[4], pipes[5]
	files = append(files, aliveR, outW, errW)

	cmd := exec.Command(img.Executable, u.Args...)
	cmd.Dir = cmp.Or(img.Dir, u.Dir)
	cmd.Stdout, cmd.Stderr = outW, errW
	cmd.ExtraFiles = slices.Concat([]*os.File{listener, controls, aliveR}, queue, kept)
	// os/exec adds it to an environment of its own only
	cmd.Env = append(u.environment(img, awaits, queue != nil, keepAt, told), "PWD="+cmd.Dir)
	// Its own group, so that Ctrl-C in the terminal reaches the engine only, which then ends it in an
	// orderly way.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		closeAll([]*os.File{aliveW, outR, errR})
		return nil, fmt.Errorf("starting the live server: %w%s", err, forbidden(err))
	}

	report, printed := newTail(), newTail()
	stdout := newPrinting(outR, io.MultiWriter(printed, u.stdout))
	stderr := newPrinting(errR, io.MultiWriter(report, u.stderr))
	client := transport.NewClient(path)
	gone, exited, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	pid := cmd.Process.Pid
	ch := &child{
		pid:       pid,
		shelf:     shelf,
		dir:       cmd.Dir,
		remote:    socketRemote{client},
		output:    report.Tail,
		printed:   func() string { return printed.Tail() + "\n" + report.Tail() },
		exited:    exited,
		over:      over,
		terminate: func() { _ = cmd.Process.Signal(syscall.SIGTERM) }, // knows when the process is gone
		kill: func() {
			select {
			case <-gone: // another process may have the number by now
			default:
				_ = syscall.Kill(-pid, syscall.SIGKILL)
				_ = cmd.Process.Kill() // should it have left its group
			}
		},
	}
	if shelf != nil {
		ch.lingers = shelf.Words()
	}
	go func() {
		_ = cmd.Wait() // what it says is in ProcessState
		ended := time.Now()
		close(gone)
		left := make(chan struct{})
		go func() {
			defer close(left)
			endGroup(pid)
		}()
		awaitPrinted(stdout, stderr)
		client.Close()
		_ = os.Remove(path)
		state := cmd.ProcessState.String()
		stale := stderr.endOf(ended).Sub(report.Written()) > lastWords
		end := ending{state: state, crash: report.Crash(), output: report.Tail(), stale: stale}
		ch.exit = Exit{PID: pid, State: state, Output: report.Tail(), Diagnostic: end.describe(u.Dir)}
		close(exited)
		<-left
		closeAll([]*os.File{outR, errR, aliveW})
		close(over)
	}()
	return ch, nil
}

// controlSocket binds the control socket of the next process.
func (u *unixSystem) controlSocket() (path string, file *os.File, err error) {
	for {
		path = filepath.Join(u.RunDir, fmt.Sprintf("live-%d.sock", u.sockets.Add(1)))
		l, err := transport.ListenUnix(path)
		if errors.Is(err, transport.ErrInUse) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		file, err := dupFile(l, "control socket")
		// Only the process has it from now on: once that has ended nobody waits for an answer.
		if err := errors.Join(err, l.Close()); err != nil {
			return "", nil, errors.Join(err, os.Remove(path))
		}
		return path, file, nil
	}
}

// environment returns the environment of a process: that of the engine, then Options.Env, then what
// the engine hands over.
func (u *unixSystem) environment(img Image, awaits, queue bool, keepAt int, kept []control.KeptSocket) []string {
	const first = firstFile
	ours := [][2]string{
		{control.EnvHot, "1"},
		{control.EnvListenFD, strconv.Itoa(first)},
		{control.EnvControlFD, strconv.Itoa(first + 1)},
		{control.EnvAliveFD, strconv.Itoa(first + 2)},
		{control.EnvPassFD, ""},
		{control.EnvReceiveFD, ""},
		{control.EnvKeepFD, ""},
		{control.EnvKept, ""},
		{control.EnvAwait, ""},
		{control.EnvGeneration, strconv.Itoa(img.Generation)},
		{control.EnvPlugin, img.Plugin},
		{control.EnvNeeds, strings.Join(img.Needs, string(filepath.ListSeparator))},
		{control.EnvDir, u.Dir},
		{control.EnvHandlers, img.Handlers},
		{control.EnvSources, strings.Join(img.Sources, string(filepath.ListSeparator))},
		{control.EnvHotPaths, strings.Join(img.Hot, ",")},
	}
	if queue {
		ours[4][1], ours[5][1] = strconv.Itoa(first+3), strconv.Itoa(first+4)
	}
	if keepAt > 0 {
		ours[6][1] = strconv.Itoa(keepAt)
	}
	if text, err := json.Marshal(kept); err == nil && len(kept) > 0 {
		ours[7][1] = string(text)
	}
	if awaits {
		ours[8][1] = "1"
	}
	env := slices.Concat(os.Environ(), u.Env)
	env = slices.DeleteFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.ContainsFunc(ours, func(o [2]string) bool { return o[0] == name })
	})
	for _, o := range ours {
		if o[1] != "" {
			env = append(env, o[0]+"="+o[1])
		}
	}
	return env
}

// forbidden explains why a program that was just built may not be run.
func forbidden(err error) string {
	if !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EPERM) {
		return ""
	}
	return "; this machine runs no program from there: its file system is mounted noexec, or a security policy forbids it"
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// dupFD copies a descriptor; children do not inherit the copy by themselves.
func dupFD(fd uintptr) (uintptr, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	copied, err := syscall.Dup(int(fd))
	if err != nil {
		return 0, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(copied)
	return uintptr(copied), nil
}
