package takeover

import "bytes"

// head finds where the head of a request ends: with an empty line. Like net/http
// it takes a bare LF for the end of a line.
type head struct {
	line  int  // 0: within a line; 1: at its start; 2: after a CR at its start
	ended bool // what was scanned last was the end
}

// scan goes on with b and returns how many bytes of it belong to the head, and
// whether that is its end.
func (h *head) scan(b []byte) (n int, end bool) {
	h.ended = false
	for n < len(b) {
		if h.line == 0 {
			i := bytes.IndexByte(b[n:], '\n')
			if i < 0 {
				return len(b), false
			}
			n += i + 1
			h.line = 1
			continue
		}
		switch next := b[n]; {
		case next == '\n':
			*h = head{ended: true}
			return n + 1, true
		case next == '\r' && h.line == 1:
			h.line = 2
		default:
			h.line = 0
		}
		n++
	}
	return n, false
}

// chunks finds where a chunked body ends.
type chunks struct {
	state   chunkState
	size    int64 // of the chunk; in its data, what is left of it
	digits  int
	trailer head
}

type chunkState int

const (
	chunkSize      chunkState = iota // in the digits
	chunkExtension                   // behind them, to the end of the line
	chunkData
	chunkEnd // the line end behind the data
	chunkTrailer
	chunkOver
)

// scan goes on with b and returns how many bytes of it belong to the body. It
// is not ok if that is no chunked body.
func (c *chunks) scan(b []byte) (n int, ok bool) {
	for n < len(b) && c.state != chunkOver {
		switch c.state {
		case chunkSize:
			digit, isDigit := hex(b[n])
			switch {
			case isDigit && c.digits < 15: // more would overflow
				c.size = c.size<<4 | digit
				c.digits++
				n++
			case isDigit || c.digits == 0:
				return n, false
			default:
				c.state = chunkExtension
			}
		case chunkExtension:
			i := bytes.IndexByte(b[n:], '\n')
			if i < 0 {
				return len(b), true
			}
			n += i + 1
			c.state = chunkData
			if c.size == 0 {
				c.state, c.trailer = chunkTrailer, head{line: 1}
			}
		case chunkData:
			some := min(c.size, int64(len(b)-n))
			n += int(some)
			if c.size -= some; c.size == 0 {
				c.state = chunkEnd
			}
		case chunkEnd:
			switch b[n] {
			case '\r':
			case '\n':
				*c = chunks{}
			default:
				return n, false
			}
			n++
		case chunkTrailer:
			some, end := c.trailer.scan(b[n:])
			n += some
			if end {
				c.state = chunkOver
			}
		}
	}
	return n, true
}

func hex(b byte) (value int64, ok bool) {
	switch {
	case '0' <= b && b <= '9':
		return int64(b - '0'), true
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return int64(b|0x20-'a') + 10, true
	}
	return 0, false
}
