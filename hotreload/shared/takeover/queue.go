package takeover

import (
	"net"
	"os"
	"syscall"
)

// Queue is where connections wait for whoever takes them over. Like a listening
// socket it belongs to no process: each has copies of its two ends. Nobody else
// can get at it, because it has no name.
type Queue struct {
	out, in *net.UnixConn
}

// passedOn is a connection in the queue.
type passedOn struct {
	net.Conn
	begun []byte // what was read of its next request
	kept  bool   // it had a request before, and waits for the next
}

// OpenQueue returns the queue whose ends a process has inherited. It closes the
// files.
func OpenQueue(out, in *os.File) (*Queue, error) { return openQueue(out, in) }

// Ends returns the end that connections are put into, and the one that they are
// taken from.
func (q *Queue) Ends() (out, in syscall.Conn) { return q.out, q.in }

// Close gives the ends of this process back. Connections that wait stay in the
// queue as long as any process has it.
func (q *Queue) Close() error {
	_ = q.in.Close() // a Server that has ended has done so
	return q.out.Close()
}
