package rpc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// MaxMessage is the length, in bytes, of the longest message that is read. It
// is far above what an editor sends: a whole document in one notification.
const MaxMessage = 64 << 20

// maxSkipped is the longest message that is skipped. Whoever announces a longer one
// has lost the frame, or does not mean to go on.
const maxSkipped = 1 << 30

// ErrTooLong reports a message that is not even skipped: the stream is of no use
// any more.
var ErrTooLong = fmt.Errorf("a message of more than %d bytes was announced", maxSkipped)

// maxHeaderLine bounds one line of a header.
const maxHeaderLine = 4 << 10

// eagerAllocation is how much is allocated because a header says so. Longer
// messages grow as their bytes arrive.
const eagerAllocation = 1 << 20

// FrameError reports bytes that are no message. The reader goes on behind them.
type FrameError struct{ Reason string }

func (e *FrameError) Error() string { return e.Reason }

func isFrameError(err error) bool {
	_, ok := errors.AsType[*FrameError](err)
	return ok
}

// Reader takes a stream apart into messages. It is for one goroutine.
type Reader struct {
	in *bufio.Reader
	// lost: a fault was reported and no good header has come since. What is
	// skipped on the way is one fault, not many.
	lost bool
	// found is a header that began in the middle of a line; empty if there is none.
	found string
}

// headerWithin is a header that stands behind other bytes, such as those of a
// body that was longer than its header said.
var headerWithin = regexp.MustCompile(`(?i)Content-Length:[ \t]*[0-9]+[ \t]*$`)

// NewReader returns a Reader of a stream.
func NewReader(r io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(r, maxHeaderLine)} }

// Next returns the body of the next message; it is the caller's. The error is a
// *FrameError if there were other bytes in its place, io.EOF at the end of the
// stream, io.ErrUnexpectedEOF if that is in the middle of a message, and ErrTooLong
// if one is announced that is longer than anything that is skipped.
func (r *Reader) Next() ([]byte, error) {
	for {
		length, err := r.header()
		if bad, ok := errors.AsType[*FrameError](err); ok {
			if r.lost {
				continue
			}
			r.lost = true
			return nil, bad
		}
		if err != nil {
			return nil, err
		}
		r.lost = false
		if length > maxSkipped {
			return nil, ErrTooLong
		}
		if length > MaxMessage {
			if _, err := io.CopyN(io.Discard, r.in, length); err != nil {
				return nil, ended(err)
			}
			return nil, &FrameError{fmt.Sprintf("a message of %d bytes was skipped: the longest that is read has %d", length,
				MaxMessage)}
		}
		return r.body(int(length))
	}
}

func (r *Reader) body(length int) ([]byte, error) {
	if length <= eagerAllocation {
		data := make([]byte, length)
		_, err := io.ReadFull(r.in, data)
		return data, ended(err)
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r.in, int64(length)); err != nil {
		return nil, ended(err)
	}
	return b.Bytes(), nil
}

// ended is an error of a read in the middle of a message.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// header reads up to the empty line that ends a header and returns the length
// of the body.
func (r *Reader) header() (int64, error) {
	length, begun := int64(-1), false
	for {
		line, err := r.line()
		if err != nil {
			if begun && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		if line == "" {
			switch {
			case length >= 0:
				return length, nil
			case begun:
				return 0, &FrameError{"a header without Content-Length"}
			}
			continue // an empty line between messages
		}
		begun = true
		if at := headerWithin.FindStringIndex(line); at != nil && at[0] > 0 {
			if r.lost {
				line = line[at[0]:]
			} else {
				r.found = line[at[0]:]
				return 0, &FrameError{fmt.Sprintf("%.40q is no header", line[:at[0]])}
			}
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return 0, &FrameError{fmt.Sprintf("%.40q is no header", line)}
		}
		if !strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 62)
		if errors.Is(err, strconv.ErrRange) {
			return 0, ErrTooLong
		}
		if err != nil {
			return 0, &FrameError{fmt.Sprintf("Content-Length %.40q is no length", strings.TrimSpace(value))}
		}
		if length >= 0 && length != int64(n) {
			return 0, &FrameError{"a header with two lengths"}
		}
		length = int64(n)
	}
}

// line returns the next line without its end. Of a line that is too long the
// beginning and the end stand for the whole.
func (r *Reader) line() (string, error) {
	if line := r.found; line != "" {
		r.found = ""
		return line, nil
	}
	data, err := r.in.ReadSlice('\n')
	line := string(data)
	if errors.Is(err, bufio.ErrBufferFull) {
		end := line
		for errors.Is(err, bufio.ErrBufferFull) {
			data, err = r.in.ReadSlice('\n')
			end += string(data)
			end = end[max(0, len(end)-maxLineEnd):]
		}
		line = line[:maxHeaderLine/2] + end
	}
	line = strings.TrimRight(line, "\r\n")
	if errors.Is(err, io.EOF) && line != "" {
		return "", io.ErrUnexpectedEOF
	}
	return line, err
}

// maxLineEnd is how much of the end of a line is kept that is too long. A header
// fits into it.
const maxLineEnd = 256

// writeFrame writes one message at once.
func writeFrame(w io.Writer, body []byte) error {
	frame := make([]byte, 0, len(body)+32)
	frame = fmt.Appendf(frame, "Content-Length: %d\r\n\r\n", len(body))
	frame = append(frame, body...)
	_, err := w.Write(frame)
	return err
}
