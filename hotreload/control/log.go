package control

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Parameters of PathLog.
const (
	paramLines  = "lines"
	paramFollow = "follow"
)

// LogPath returns PathLog for the last lines of what is kept, all of it for a
// negative number, and what is printed after that if follow is set.
func LogPath(lines int, follow bool) string {
	q := url.Values{}
	if lines >= 0 {
		q.Set(paramLines, strconv.Itoa(lines))
	}
	if follow {
		q.Set(paramFollow, "true")
	}
	if len(q) == 0 {
		return PathLog
	}
	return PathLog + "?" + q.Encode()
}

// ReadLogQuery takes apart what LogPath has put together.
func ReadLogQuery(r *http.Request) (lines int, follow bool, err error) {
	q := r.URL.Query()
	lines = -1
	if s := q.Get(paramLines); s != "" {
		if lines, err = strconv.Atoi(s); err != nil || lines < 0 {
			return 0, false, fmt.Errorf("%s=%s is no number of lines", paramLines, s)
		}
	}
	if s := q.Get(paramFollow); s != "" {
		if follow, err = strconv.ParseBool(s); err != nil {
			return 0, false, fmt.Errorf("%s=%s is neither true nor false", paramFollow, s)
		}
	}
	return lines, follow, nil
}
