//go:build unix

package launch

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// Pipes for what live servers print, on systems where their end is seen.

const (
	// leftoverOutput is how long, after a process has ended, its output may come from children of it
	// that still run.
	leftoverOutput = 250 * time.Millisecond
	// blockedOutput is how long what the process itself has printed may take where nobody reads what
	// the engine prints.
	blockedOutput = 5 * time.Second
	// lateNotice is how late the end of a process may be noticed. One that has closed its output
	// earlier than that went on without.
	lateNotice = 10 * time.Second
	// pipeSize is the most that a pipe holds by default limits, in bytes.
	pipeSize = 1 << 20
)

// printing is what a process prints to one of its outputs, on its way through a pipe.
type printing struct {
	from *os.File
	to   io.Writer
	// complete is closed when what the process itself has printed is written.
	complete chan struct{}
	ended    time.Time // when the pipe was closed everywhere; set before complete is closed
}

// newPrinting begins to copy. That ends when from is closed, at either end.
func newPrinting(from *os.File, to io.Writer) *printing {
	p := &printing{from: from, to: to, complete: make(chan struct{})}
	go p.copy()
	return p
}

func (p *printing) copy() {
	completed := sync.OnceFunc(func() { close(p.complete) })
	defer completed()
	_, err := io.Copy(p.to, p.from)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.drain()
		completed()
		_, _ = io.Copy(p.to, p.from) // of children
		return
	}
	if err == nil {
		p.ended = time.Now()
	}
}

// drain copies what is in the pipe without waiting for more. Children may write faster than that,
// but no more than a pipe holds was there before them.
func (p *printing) drain() {
	pipe, err := p.from.SyscallConn()
	if err := errors.Join(err, p.from.SetReadDeadline(time.Time{})); err != nil {
		return // it is closed
	}
	buf := make([]byte, 32<<10)
	for copied := 0; copied < pipeSize; {
		var n int
		var errRead error
		err := pipe.Read(func(fd uintptr) bool {
			n, errRead = syscall.Read(int(fd), buf)
			return true // does not wait
		})
		if errors.Is(errRead, syscall.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		if _, err := p.to.Write(buf[:n]); err != nil {
			return
		}
		copied += n
	}
}

// awaitPrinted returns when what a process itself has printed is written. It has ended, so all of
// that is in the pipes, however long the machine takes to copy it: only children that keep them
// open are cut off.
func awaitPrinted(all ...*printing) {
	if completeWithin(leftoverOutput, all) {
		return
	}
	for _, p := range all {
		_ = p.from.SetReadDeadline(time.Unix(1, 0)) // has copy look once more, without waiting
	}
	completeWithin(blockedOutput, all)
}

func completeWithin(d time.Duration, all []*printing) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for _, p := range all {
		select {
		case <-p.complete:
		case <-timer.C:
			return false
		}
	}
	return true
}

// endOf returns when a process ended, of which it was noticed at a time: the end of its output
// tells it, too, and may have been noticed sooner.
func (p *printing) endOf(noticed time.Time) time.Time {
	select {
	case <-p.complete:
		if late := noticed.Sub(p.ended); 0 < late && late < lateNotice {
			return p.ended
		}
	default:
	}
	return noticed
}
