package hotreload

import (
	"io"
	"log"
	"log/slog"
	"sync"
	"testing"
)

// textLogger returns a logger without times.
func textLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// logBuffer collects a log that several goroutines write.
type logBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	return len(p), nil
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}

// receive returns the next value. What never comes is the test binary's own
// time limit to report, with all stacks.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	v, ok := <-from
	if !ok {
		t.Fatal("the channel is closed")
	}
	return v
}

// serverLog returns the log of an http.Server.
func serverLog(w io.Writer) *log.Logger {
	return slog.NewLogLogger(textLogger(w).Handler(), slog.LevelWarn)
}
