package hotreload

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
)

// response watches an http.ResponseWriter for whether the answer has begun: a
// panic after that must not write a second header. It offers what the writer
// below it offers, neither more nor less, because handlers ask by type
// assertion whether they can flush, hijack or send a file.
type response struct {
	http.ResponseWriter
	status   int // 0 until the answer has begun
	hijacked bool
	streams  func() // called when a stream of events begins; nil outside hot mode
	// failing is asked when an answer with a 5xx begins; nil outside hot mode. If
	// it says so the status is held back until there is a body: if none comes, a
	// better answer can be given.
	failing func() bool
	pending bool // the status is held back
}

// watch returns a writer to pass on, and what it learns.
func watch(w http.ResponseWriter) (http.ResponseWriter, *response) {
	_, canFlush := w.(http.Flusher)
	_, canHijack := w.(http.Hijacker)
	_, canReadFrom := w.(io.ReaderFrom)
	switch {
	case canFlush && canHijack && canReadFrom: // HTTP/1
		full := &fullResponse{flushResponse{response{ResponseWriter: w}}}
		return full, &full.response
	case canFlush: // HTTP/2, test recorders
		flush := &flushResponse{response{ResponseWriter: w}}
		return flush, &flush.response
	}
	plain := &response{ResponseWriter: w}
	return plain, plain
}

// answered reports whether a watched answer has begun, through whatever
// middleware has put around it.
func answered(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case interface{ begun() bool }:
			return t.begun()
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

func (w *response) begun() bool { return w.status != 0 || w.hijacked }

func (w *response) begin(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if w.streams != nil && strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
		w.streams()
	}
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	// 1xx announces the answer, except for 101, which is one.
	if status >= 200 || status == http.StatusSwitchingProtocols {
		if w.status == 0 && status >= 500 && w.failing != nil && w.failing() {
			w.status, w.pending = status, true
			return
		}
		w.begin(status)
	}
	w.release()
	w.ResponseWriter.WriteHeader(status)
}

// release sends a status that was held back.
func (w *response) release() {
	if w.pending {
		w.pending = false
		w.ResponseWriter.WriteHeader(w.status)
	}
}

// withdraw forgets a status that was held back, and reports whether one was.
func (w *response) withdraw() bool {
	if !w.pending {
		return false
	}
	w.status, w.pending = 0, false
	return true
}

func (w *response) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	w.release()
	return w.ResponseWriter.Write(p)
}

func (w *response) WriteString(s string) (int, error) {
	w.begin(http.StatusOK)
	w.release()
	return io.WriteString(w.ResponseWriter, s)
}

type flushResponse struct{ response }

func (w *flushResponse) Flush() { _ = w.FlushError() } // http.Flusher has no error

func (w *flushResponse) FlushError() error {
	w.begin(http.StatusOK)
	w.release()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

type fullResponse struct{ flushResponse }

func (w *fullResponse) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.release()
	conn, rw, err := w.ResponseWriter.(http.Hijacker).Hijack()
	w.hijacked = w.hijacked || err == nil
	// A development server puts its own connection around that of the listener.
	if c, ok := conn.(interface{ Hijacked(*bufio.Reader) net.Conn }); ok && err == nil {
		conn = c.Hijacked(rw.Reader)
	}
	return conn, rw, err
}

func (w *fullResponse) ReadFrom(src io.Reader) (int64, error) {
	w.begin(http.StatusOK)
	w.release()
	return w.ResponseWriter.(io.ReaderFrom).ReadFrom(src)
}
