package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

func TestLogLast(t *testing.T) {
	l := NewLog()
	for range 10_000 {
		if _, err := l.Write([]byte(strings.Repeat("x", 99) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.data) > 2*logSize {
		t.Errorf("%d bytes are kept", len(l.data))
	}
	fmt.Fprint(l, "one\n\ntwo\nthr\xffee")
	for lines, want := range map[int]string{0: "", 1: "thr\xffee", 2: "two\nthr\xffee", 4: "one\n\ntwo\nthr\xffee"} {
		if got := string(l.Last(lines)); got != want {
			t.Errorf("the last %d lines are %q, want %q", lines, got, want)
		}
	}
	for _, lines := range []int{-1, -7, 1 << 30} {
		if got := l.Last(lines); len(got) != logSize || !bytes.HasSuffix(got, []byte("ee")) {
			t.Errorf("of %d lines there are %d bytes", lines, len(got))
		}
	}
	if got := NewLog().Last(-1); len(got) != 0 {
		t.Errorf("of nothing there is %q", got)
	}
}

// TestLogFollow: a follower gets every byte, however it came; one that does not
// read keeps nobody from writing, and is told what it has missed.
func TestLogFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLog()
		fmt.Fprint(l, "before\nlast\n")
		ctx, stop := context.WithCancel(t.Context())
		r, w := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			defer w.Close()
			ended <- l.Follow(ctx, w, l.Position(1))
		}()
		read := func(want string) {
			t.Helper()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
				t.Fatalf("followed %q, %v; want %q", got, err, want)
			}
		}
		read("last\n")
		for _, piece := range []string{"a\x1b[31m", "", "\xff", "\n", strings.Repeat("long ", logChunk)} {
			fmt.Fprint(l, piece)
			synctest.Wait()
			read(piece)
		}
		fmt.Fprint(l, "taken\n")
		synctest.Wait()
		const more = 20
		for i := range more {
			fmt.Fprintf(l, "%s%02d", strings.Repeat("z", logSize-2), i)
		}
		read("taken\n")
		read(fmt.Sprintf("\n… %d bytes are missing: they came too fast …\n", (more-1)*logSize))
		read(strings.Repeat("z", logSize-2) + "19")
		fmt.Fprint(l, "on")
		read("on")
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ends with %v", err)
		}
	})
}

// TestServeLog: the log over the control socket, until the engine ends.
func TestServeLog(t *testing.T) {
	s := newServed(t)
	fmt.Fprint(s.e.logged(nil), "one\ntwo\n\x1b[32m\xfe\n")
	read := func(path string) string {
		t.Helper()
		body, err := s.client.Read(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		data, err := io.ReadAll(body)
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	if got, want := read(control.PathLog), "one\ntwo\n\x1b[32m\xfe\n"; got != want {
		t.Errorf("all is %q, want %q", got, want)
	}
	if got, want := read(control.LogPath(1, false)), "\x1b[32m\xfe\n"; got != want {
		t.Errorf("the last line is %q, want %q", got, want)
	}
	for _, query := range []string{"?lines=-1", "?lines=x", "?follow=maybe"} {
		_, err := s.client.Read(t.Context(), control.PathLog+query)
		s.problem(err, http.StatusBadRequest, query[1:])
	}

	// A follower that does not read, and one that does.
	stuck, err := s.client.Read(t.Context(), control.LogPath(0, true))
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	body, err := s.client.Read(t.Context(), control.LogPath(0, true))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	var terminal bytes.Buffer
	both := s.e.logged(&terminal)
	piece := strings.Repeat("0123456789abcdef", logChunk/16)
	got := make([]byte, len(piece))
	for range 100 {
		fmt.Fprint(both, piece)
		if _, err := io.ReadFull(body, got); err != nil || string(got) != piece {
			t.Fatalf("%v", err)
		}
	}
	if terminal.String() != strings.Repeat(piece, 100) {
		t.Error("the terminal has something else")
	}
	s.stop(nil)
	if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
		t.Errorf("at the end of the engine: %q, %v", rest, err)
	}
}
