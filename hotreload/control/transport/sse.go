package transport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// appendEvent appends data, which has no line breaks in it, as one
// server-sent event.
func appendEvent(b, data []byte) []byte {
	b = append(b, "data: "...)
	b = append(b, data...)
	return append(b, "\n\n"...)
}

// eventReader reads the data of server-sent events. Comments and all fields
// but data are skipped.
type eventReader struct {
	lines *bufio.Scanner
	limit int
}

// newEventReader returns a reader that refuses events, and lines, of more than
// limit bytes.
func newEventReader(r io.Reader, limit int) *eventReader {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, min(limit, 4096)), limit)
	return &eventReader{lines: lines, limit: limit}
}

// next returns the data of the next event. The error is io.EOF at the end; an
// event that is not complete by then is dropped, as the format demands.
func (e *eventReader) next() ([]byte, error) {
	var data []byte
	complete := false // data holds at least one line, maybe an empty one
	for e.lines.Scan() {
		line := e.lines.Bytes()
		if len(line) == 0 {
			if complete {
				return data, nil
			}
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		if string(field) != "data" {
			continue
		}
		if complete {
			data = append(data, '\n')
		}
		data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
		complete = true
		if len(data) > e.limit {
			return nil, e.tooLong()
		}
	}
	switch err := e.lines.Err(); {
	case err == nil:
		return nil, io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return nil, e.tooLong()
	default:
		return nil, err
	}
}

func (e *eventReader) tooLong() error {
	return fmt.Errorf("event of more than %d bytes", e.limit)
}
