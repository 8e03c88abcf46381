package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
)

const (
	// logSize is how much of what live servers print is kept, in bytes.
	logSize = 256 << 10
	// logChunk is how much a follower is sent at once, in bytes.
	logChunk = 32 << 10
)

// Log keeps the end of what live servers print, as raw bytes, and hands it to any number of
// readers. Writing never waits for one: who is too slow misses what is no longer kept. It is safe
// for concurrent use.
type Log struct {
	mu   sync.Mutex    // guards what follows
	data []byte        // at most 2*logSize, of which the last logSize count
	end  int64         // how much was ever written
	more chan struct{} // closed by the next write; nil if no reader waits
}

// NewLog returns an empty log.
func NewLog() *Log { return &Log{} }

// Write never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.data = append(l.data, p...)
	l.end += int64(len(p))
	if len(l.data) > 2*logSize {
		l.data = bytes.Clone(l.kept())
	}
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
	return len(p), nil
}

// kept returns what counts; l.mu is held.
func (l *Log) kept() []byte { return l.data[max(0, len(l.data)-logSize):] }

// Last returns the last lines; all that is kept for a negative number.
func (l *Log) Last(lines int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(lastLines(l.kept(), lines))
}

func lastLines(data []byte, n int) []byte {
	switch {
	case n < 0:
		return data
	case n == 0:
		return nil
	}
	at := len(bytes.TrimSuffix(data, []byte("\n")))
	for range n {
		if at = bytes.LastIndexByte(data[:at], '\n'); at < 0 {
			break
		}
	}
	return data[at+1:]
}

// Position returns where the last lines, as Last returns them, begin.
func (l *Log) Position(lines int) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end - int64(len(lastLines(l.kept(), lines)))
}

// Follow writes what was printed from a position on, and then what is printed, until ctx ends or w
// fails.
func (l *Log) Follow(ctx context.Context, w io.Writer, at int64) error {
	for ctx.Err() == nil {
		data, next, missed, more := l.since(at)
		if missed > 0 {
			if _, err := fmt.Fprintf(w, "\n… %d bytes are missing: they came too fast …\n", missed); err != nil {
				return err
			}
		}
		if len(data) > 0 {
			if _, err := w.Write(data); err != nil {
				return err
			}
		}
		if at = next; more == nil {
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}

// since returns what was written after the first at bytes, or a part of it; what to go on with; how
// much of it is gone; and if there is nothing, what is closed when there is something.
func (l *Log) since(at int64) (data []byte, next, missed int64, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at == l.end {
		if l.more == nil {
			l.more = make(chan struct{})
		}
		return nil, at, 0, l.more
	}
	kept := l.kept()
	if first := l.end - int64(len(kept)); at < first {
		at, missed = first, first-at
	}
	data = kept[len(kept)-int(l.end-at):]
	data = bytes.Clone(data[:min(len(data), logChunk)])
	return data, at + int64(len(data)), missed, nil
}

// ServeHTTP answers control.PathLog.
func (l *Log) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	lines, follow, err := control.ReadLogQuery(r)
	if err != nil {
		transport.WriteProblem(w, http.StatusBadRequest, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	if !follow {
		data := l.Last(lines)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data) // a client that is gone needs no answer
		return
	}
	// Who has the header misses nothing that is printed from then on.
	at := l.Position(lines)
	rc := http.NewResponseController(w)
	if w.WriteHeader(http.StatusOK); rc.Flush() != nil {
		return
	}
	_ = l.Follow(r.Context(), flushed{w, rc}, at) // ends with the client or the engine
}

// flushed sends at once what is written to it.
type flushed struct {
	io.Writer
	rc *http.ResponseController
}

func (f flushed) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	if err == nil {
		err = f.rc.Flush()
	}
	return n, err
}
