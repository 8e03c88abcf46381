package transport

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func readEvents(input string, limit int) (events []string, err error) {
	r := newEventReader(strings.NewReader(input), limit)
	for {
		data, err := r.next()
		if err != nil {
			return events, err
		}
		events = append(events, string(data))
	}
}

func TestEventReader(t *testing.T) {
	for name, test := range map[string]struct {
		input string
		want  []string
	}{
		"two":              {"data: 1\n\ndata: 2\n\n", []string{"1", "2"}},
		"carriage returns": {"data: 1\r\n\r\n", []string{"1"}},
		"comments":         {":\n\n: beat\n\ndata: 1\n: beat\n\n", []string{"1"}},
		"several lines":    {"data: [1,\ndata:2]\n\n", []string{"[1,\n2]"}},
		"other fields":     {"event: x\nid: 7\ndata: 1\nretry: 5\n\nevent: y\n\n", []string{"1"}},
		"empty data":       {"data\n\ndata:\n\n", []string{"", ""}},
		"incomplete":       {"data: 1\n\ndata: 2\n", []string{"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readEvents(test.input, 100)
			if !errors.Is(err, io.EOF) || !slices.Equal(got, test.want) {
				t.Errorf("%q, %v; want %q and EOF", got, err, test.want)
			}
		})
	}
}

func TestEventReaderIsBounded(t *testing.T) {
	for name, input := range map[string]string{
		"one line":   "data: " + strings.Repeat("x", 200) + "\n\n",
		"many lines": strings.Repeat("data: xxxxxxxxx\n", 20) + "\n",
		"comment":    ":" + strings.Repeat("x", 200) + "\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := readEvents(input, 100); err == nil || !strings.Contains(err.Error(), "more than 100 bytes") {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func FuzzEventReader(f *testing.F) {
	f.Add("data: {\"a\":1}\n\n:\n\ndata: 2\r\n\r\n")
	f.Add("data: 1\ndata: 2\n\n")
	f.Fuzz(func(t *testing.T, input string) {
		const limit = 64
		events, err := readEvents(input, limit)
		if err == nil {
			t.Fatal("no end")
		}
		for _, e := range events {
			if len(e) > limit {
				t.Fatalf("event of %d bytes", len(e))
			}
			if strings.ContainsAny(e, "\r\n") {
				continue // never written: JSON escapes them
			}
			// What was read, written by the other side, reads the same.
			again, _ := readEvents(string(appendEvent(nil, []byte(e))), 2*limit)
			if !slices.Equal(again, []string{e}) {
				t.Fatalf("%q became %q", e, again)
			}
		}
	})
}
