package console

import (
	"io"
	"strings"
	"sync"
)

// clearLine goes to the first column and empties the line.
const clearLine = "\r\x1b[2K"

// screen is the one way to what the user looks at. A progress line, if there is one, stands below
// everything else. Errors of writing are dropped: where the user cannot be reached there is no one
// to tell.
type screen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	status   string // the progress line, without a newline
	drawn    bool   // status is on the screen
	open     bool   // a line of another writer is not ended
}

// print writes whole lines. The progress line is gone.
func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hide()
	s.status = ""
	s.endLine()
	_, _ = io.WriteString(s.out, text)
}

// show replaces the progress line, on a terminal only.
func (s *screen) show(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hide()
	s.endLine()
	s.status = status
	s.draw()
}

func (s *screen) hide() {
	if s.drawn {
		_, _ = io.WriteString(s.out, clearLine)
		s.drawn = false
	}
}

func (s *screen) draw() {
	if s.status != "" && s.terminal {
		_, _ = io.WriteString(s.out, s.status)
		s.drawn = true
	}
}

func (s *screen) endLine() {
	if s.open {
		_, _ = io.WriteString(s.out, "\n")
		s.open = false
	}
}

// passage is how the live server's output passes the screen.
type passage struct {
	screen *screen
	w      io.Writer
	shared bool // w is the screen, too
}

// Write passes p on as it is.
func (p *passage) Write(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	s := p.screen
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.shared {
		return p.w.Write(data)
	}
	s.hide()
	n, err := p.w.Write(data)
	s.open = data[len(data)-1] != '\n'
	if !s.open {
		s.draw()
	}
	return n, err
}

// clip cuts a line to what fits into a number of columns, so that it does not wrap: a wrapped line
// cannot be rewritten in place.
func clip(line string, columns int) string {
	line, _, _ = strings.Cut(line, "\n")
	runes := []rune(line)
	if columns < 2 || len(runes) < columns {
		return line
	}
	return string(runes[:columns-2]) + "…"
}
