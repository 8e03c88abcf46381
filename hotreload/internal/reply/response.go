package reply

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
)

// Response watches an http.ResponseWriter for whether the answer has begun: a
// panic after that must not write a second header. It offers what the writer
// below it offers, neither more nor less, because handlers ask by type
// assertion whether they can flush, hijack or send a file.
type Response struct {
	http.ResponseWriter
	Status   int // 0 until the answer has begun
	Hijacked bool
	Streams  func() // called when a stream of events begins; nil outside hot mode
	// Failing is asked when an answer with a 5xx begins; nil outside hot mode. If
	// it says so the status is held back until there is a body: if none comes, a
	// better answer can be given.
	Failing func() bool
	pending bool // the status is held back
}

// Watch returns a writer to pass on, and what it learns.
func Watch(w http.ResponseWriter) (http.ResponseWriter, *Response) {
	_, canFlush := w.(http.Flusher)
	_, canHijack := w.(http.Hijacker)
	_, canReadFrom := w.(io.ReaderFrom)
	switch {
	case canFlush && canHijack && canReadFrom: // HTTP/1
		full := &fullResponse{flushResponse{Response{ResponseWriter: w}}}
		return full, &full.Response
	case canFlush: // HTTP/2, test recorders
		flush := &flushResponse{Response{ResponseWriter: w}}
		return flush, &flush.Response
	}
	plain := &Response{ResponseWriter: w}
	return plain, plain
}

// Answered reports whether a watched answer has begun, through whatever
// middleware has put around it.
func Answered(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case interface{ Begun() bool }:
			return t.Begun()
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

func (w *Response) Begun() bool { return w.Status != 0 || w.Hijacked }

func (w *Response) begin(status int) {
	if w.Status != 0 {
		return
	}
	w.Status = status
	if w.Streams != nil && strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
		w.Streams()
	}
}

// Unwrap is for http.ResponseController.
func (w *Response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *Response) WriteHeader(status int) {
	// 1xx announces the answer, except for 101, which is one.
	if status >= 200 || status == http.StatusSwitchingProtocols {
		if w.Status == 0 && status >= 500 && w.Failing != nil && w.Failing() {
			w.Status, w.pending = status, true
			return
		}
		w.begin(status)
	}
	w.Release()
	w.ResponseWriter.WriteHeader(status)
}

// Release sends a status that was held back.
func (w *Response) Release() {
	if w.pending {
		w.pending = false
		w.ResponseWriter.WriteHeader(w.Status)
	}
}

// Withdraw forgets a status that was held back, and reports whether one was.
func (w *Response) Withdraw() bool {
	if !w.pending {
		return false
	}
	w.Status, w.pending = 0, false
	return true
}

func (w *Response) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	w.Release()
	return w.ResponseWriter.Write(p)
}

func (w *Response) WriteString(s string) (int, error) {
	w.begin(http.StatusOK)
	w.Release()
	return io.WriteString(w.ResponseWriter, s)
}

type flushResponse struct{ Response }

func (w *flushResponse) Flush() { _ = w.FlushError() } // http.Flusher has no error

func (w *flushResponse) FlushError() error {
	w.begin(http.StatusOK)
	w.Release()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

type fullResponse struct{ flushResponse }

func (w *fullResponse) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.Release()
	conn, rw, err := w.ResponseWriter.(http.Hijacker).Hijack()
	w.Hijacked = w.Hijacked || err == nil
	// A development server puts its own connection around that of the listener.
	if c, ok := conn.(interface{ Hijacked(*bufio.Reader) net.Conn }); ok && err == nil {
		conn = c.Hijacked(rw.Reader)
	}
	return conn, rw, err
}

func (w *fullResponse) ReadFrom(src io.Reader) (int64, error) {
	w.begin(http.StatusOK)
	w.Release()
	return w.ResponseWriter.(io.ReaderFrom).ReadFrom(src)
}
