//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package takeover

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

// Each message begins with what kind of connection comes with it, so that none
// is empty.
const (
	kindBegun = 1 // new, or with the beginning of a request
	kindKept  = 2
)

// maxMessage is the size of a message in bytes: its kind, the beginning of a
// head, and what net/http reads at once.
const maxMessage = 1 + maxReplay + 8<<10

// NewQueue returns an empty queue.
func NewQueue() (*Queue, error) {
	out, in, err := pair()
	if err != nil {
		return nil, fmt.Errorf("queue for connections: %w", err)
	}
	return openQueue(out, in)
}

// pair returns two files that are connected, and that children do not inherit by
// themselves.
func pair() (a, b *os.File, err error) {
	kind := syscall.SOCK_SEQPACKET // messages stay whole, whoever writes and reads
	if runtime.GOOS == "darwin" {
		kind = syscall.SOCK_DGRAM // has no other
	}
	syscall.ForkLock.RLock()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, kind, 0)
	if err == nil {
		syscall.CloseOnExec(ends[0])
		syscall.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(ends[0]), "out"), os.NewFile(uintptr(ends[1]), "in"), nil
}

func openQueue(out, in *os.File) (*Queue, error) {
	give, errOut := end(out)
	take, errIn := end(in)
	if err := errors.Join(errOut, errIn); err != nil {
		for _, c := range []*net.UnixConn{give, take} {
			if c != nil {
				_ = c.Close()
			}
		}
		return nil, fmt.Errorf("queue for connections: %w", err)
	}
	return &Queue{out: give, in: take}, nil
}

// end makes an end of a queue of a file, which it closes.
func end(f *os.File) (*net.UnixConn, error) {
	if f == nil {
		return nil, errors.New("no descriptor")
	}
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	if u, ok := c.(*net.UnixConn); ok {
		return u, nil
	}
	return nil, errors.Join(errors.New("not a Unix socket"), c.Close())
}

// limit sets until when put may wait for room.
func (q *Queue) limit(t time.Time) { _ = q.out.SetWriteDeadline(t) } // an error comes again with put

// put adds a connection, which stays open here.
func (q *Queue) put(p passedOn) error {
	conn, ok := p.Conn.(syscall.Conn)
	if !ok || len(p.begun) >= maxMessage {
		return errors.ErrUnsupported
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	kind := byte(kindBegun)
	if p.kept {
		kind = kindKept
	}
	message := append([]byte{kind}, p.begun...)
	var putErr error
	err = raw.Control(func(fd uintptr) {
		const pause = time.Millisecond
		for waited := time.Duration(0); waited < passTimeout; waited += pause {
			_, _, putErr = q.out.WriteMsgUnix(message, syscall.UnixRights(int(fd)), nil)
			// There are too many descriptors, or bytes, under way in the system.
			if !errors.Is(putErr, syscall.ETOOMANYREFS) && !errors.Is(putErr, syscall.ENOBUFS) {
				return
			}
			time.Sleep(pause)
		}
	})
	return errors.Join(err, putErr)
}

// receive waits for a connection. It must not be called concurrently with buffer,
// which is maxMessage long.
func (q *Queue) receive(buffer []byte) (passedOn, error) {
	for {
		rights := make([]byte, syscall.CmsgSpace(4))
		n, m, _, _, err := q.in.ReadMsgUnix(buffer, rights)
		if err != nil {
			return passedOn{}, err
		}
		var c net.Conn
		for _, fd := range descriptors(rights[:m]) {
			f := os.NewFile(uintptr(fd), "connection")
			if n > 0 && c == nil {
				c, _ = net.FileConn(f) // nil if it is none
			}
			_ = f.Close()
		}
		if c != nil {
			return passedOn{Conn: c, begun: bytes.Clone(buffer[1:n]), kept: buffer[0] == kindKept}, nil
		}
	}
}

func descriptors(rights []byte) (fds []int) {
	messages, _ := syscall.ParseSocketControlMessage(rights)
	for _, m := range messages {
		some, _ := syscall.ParseUnixRights(&m)
		fds = append(fds, some...)
	}
	return fds
}

// send sends a message with the descriptor of a listener.
func send(to *net.UnixConn, message []byte, l net.Listener) error {
	c, ok := l.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	err = raw.Control(func(fd uintptr) {
		_, _, sendErr = to.WriteMsgUnix(message, syscall.UnixRights(int(fd)), nil)
	})
	return errors.Join(err, sendErr)
}

// receive waits for a message of send; the file is nil if none came with it.
func receive(from *net.UnixConn, message []byte) (n int, f *os.File, err error) {
	rights := make([]byte, syscall.CmsgSpace(4))
	n, m, _, _, err := from.ReadMsgUnix(message, rights)
	if err == nil && n == 0 {
		err = io.EOF
	}
	for _, fd := range descriptors(rights[:m]) {
		if err != nil || f != nil {
			_ = syscall.Close(fd)
			continue
		}
		f = os.NewFile(uintptr(fd), "listener")
	}
	return n, f, err
}
