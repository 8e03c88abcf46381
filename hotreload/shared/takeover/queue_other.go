//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package takeover

import (
	"errors"
	"net"
	"os"
	"time"
)

const maxMessage = 0

// NewQueue fails: connections cannot be passed on here.
func NewQueue() (*Queue, error) { return nil, errors.ErrUnsupported }

func pair() (a, b *os.File, err error) { return nil, nil, errors.ErrUnsupported }

func end(f *os.File) (*net.UnixConn, error) {
	return nil, errors.Join(errors.ErrUnsupported, f.Close())
}

func send(*net.UnixConn, []byte, net.Listener) error { return errors.ErrUnsupported }

func receive(*net.UnixConn, []byte) (int, *os.File, error) { return 0, nil, errors.ErrUnsupported }

func openQueue(out, in *os.File) (*Queue, error) {
	return nil, errors.Join(errors.ErrUnsupported, out.Close(), in.Close())
}

func (q *Queue) limit(time.Time)                  {}
func (q *Queue) put(passedOn) error               { return errors.ErrUnsupported }
func (q *Queue) receive([]byte) (passedOn, error) { return passedOn{}, errors.ErrUnsupported }
