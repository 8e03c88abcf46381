package rpc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func framed(body string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body) }

// drain reads to the end of a stream: the bodies, how many faults, and the end.
func drain(in io.Reader) (bodies []string, faults int, end error) {
	for r := NewReader(in); ; {
		data, err := r.Next()
		if _, bad := errors.AsType[*FrameError](err); bad {
			faults++
			continue
		}
		if err != nil {
			return bodies, faults, err
		}
		bodies = append(bodies, string(data))
	}
}

func TestReader(t *testing.T) {
	huge := fmt.Sprintf("Content-Length: %d\r\n\r\n", MaxMessage+1) + strings.Repeat(" ", MaxMessage+1)
	for _, tt := range []struct {
		name, in string
		bodies   []string
		faults   int
		end      error
	}{
		{"nothing", "", nil, 0, io.EOF},
		{"two", framed("{}") + framed("[]"), []string{"{}", "[]"}, 0, io.EOF},
		{"other headers, other case", "content-length:2\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n{}", []string{"{}"}, 0, io.EOF},
		{"without carriage returns", "Content-Length: 2\n\n{}", []string{"{}"}, 0, io.EOF},
		{"empty lines between", framed("{}") + "\r\n\r\n" + framed("[]"), []string{"{}", "[]"}, 0, io.EOF},
		{"empty body", "Content-Length: 0\r\n\r\n" + framed("{}"), []string{"", "{}"}, 0, io.EOF},
		{"garbage is one fault", "what\nis\nthis\n\n" + framed("{}"), []string{"{}"}, 1, io.EOF},
		{"a length that is none", "Content-Length: -1\r\n\r\n" + framed("{}"), []string{"{}"}, 1, io.EOF},
		{"two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + framed("{}"), []string{"{}"}, 1, io.EOF},
		{"no length", "Content-Type: x\r\n\r\n" + framed("{}"), []string{"{}"}, 1, io.EOF},
		{"a long line", strings.Repeat("x", 100_000) + "\n\n" + framed("{}"), []string{"{}"}, 1, io.EOF},
		{"behind a body of a bad header", "Content-Length: x\r\n\r\n{\"id\":1}" + framed("{}") + framed("[]"), []string{"{}", "[]"}, 1, io.EOF},
		{"behind a body without a length", "X: y\r\n\r\n{\"id\":1}" + framed("{}"), []string{"{}"}, 1, io.EOF},
		{"behind a long body of a bad header", "Content-Length: x\r\n\r\n" + strings.Repeat("ä", 50_000) + framed("{}"), []string{"{}"}, 1, io.EOF},
		{"behind a body of several lines", "Content-Length: x\r\n\r\n{\n \"id\": 1\n}" + framed("{}"), []string{"{}"}, 1, io.EOF},
		{"a length that is too short", "Content-Length: 1\r\n\r\n{}" + framed("[]"), []string{"{", "[]"}, 1, io.EOF},
		{"a length that is too long", "Content-Length: 8\r\n\r\n{}" + framed("[1,2]") + framed("[]"), []string{"{}Conten", "[]"}, 1, io.EOF},
		{"a length within what is lost", "Content-Length: x\r\n\r\n{\"text\":\"Content-Length: 9999, they say\"}" + framed("{}"), []string{"{}"}, 1, io.EOF},
		{"a length beyond all", fmt.Sprintf("Content-Length: %d\r\n\r\n", maxSkipped+1) + framed("{}"), nil, 0, ErrTooLong},
		{"a length beyond numbers", framed("{}") + "Content-Length: 99999999999999999999\r\n\r\n" + framed("{}"), []string{"{}"}, 0, ErrTooLong},
		{"too long", huge + framed("{}"), []string{"{}"}, 1, io.EOF},
		{"ends in a header", "Content-Len", nil, 0, io.ErrUnexpectedEOF},
		{"ends behind a header", "Content-Length: 5\r\n\r\n", nil, 0, io.ErrUnexpectedEOF},
		{"ends in a body", "Content-Length: 5\r\n\r\n{}", nil, 0, io.ErrUnexpectedEOF},
		{"claims much", "Content-Length: 67108864\r\n\r\n{}", nil, 0, io.ErrUnexpectedEOF},
	} {
		bodies, faults, end := drain(strings.NewReader(tt.in))
		if fmt.Sprint(bodies) != fmt.Sprint(tt.bodies) || faults != tt.faults || !errors.Is(end, tt.end) {
			t.Errorf("%s: %.100q, %d faults, %v; want %q, %d, %v", tt.name, bodies, faults, end, tt.bodies, tt.faults, tt.end)
		}
	}
}

func TestLongestMessage(t *testing.T) {
	body := strings.Repeat(" ", MaxMessage-2) + "{}"
	bodies, faults, _ := drain(strings.NewReader(framed(body)))
	if len(bodies) != 1 || len(bodies[0]) != MaxMessage || faults != 0 {
		t.Errorf("%d bodies, %d faults", len(bodies), faults)
	}
}

// FuzzReader: whatever arrives, the reader ends, and a good message behind an
// empty line is read.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"", "x", framed("{}"), "Content-Length: 3\r\n\r\n{}", "Content-Length: 99999999999999999999\n\n", "\n\n", "a:b\n\nContent-Length: 1\r\n\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		bodies, _, end := drain(bytes.NewReader(data))
		if !errors.Is(end, io.EOF) && !errors.Is(end, io.ErrUnexpectedEOF) && !errors.Is(end, ErrTooLong) {
			t.Errorf("the stream ends with %v", end)
		}
		for _, b := range bodies {
			if len(b) > len(data) {
				t.Errorf("a body of %d bytes from %d", len(b), len(data))
			}
			m, fault := parse([]byte(b))
			if fault != nil && m.ID == nil && m.Method == nil {
				t.Errorf("%q: a fault without an id to answer", b)
			}
		}
	})
}
