package takeover

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// maxName is how long the name of a socket on a Shelf can be, in bytes.
const maxName = 4 << 10

// Shelf keeps the listening sockets that a process has opened itself, by name, for
// the process that comes after it: as long as it has them nobody is refused who
// connects there.
type Shelf struct {
	in    *net.UnixConn
	words chan string // what the process has to say; one slot

	mu     sync.Mutex // guards what follows
	kept   map[string]*os.File
	closed bool
}

// OpenShelf returns a Shelf, and the end of it for the process, which opens it with
// OpenDeposit. Whoever starts the process closes that end.
func OpenShelf() (*Shelf, *os.File, error) {
	in, out, err := pair()
	if err != nil {
		return nil, nil, fmt.Errorf("shelf for listening sockets: %w", err)
	}
	take, err := end(in)
	if err != nil {
		_ = out.Close()
		return nil, nil, fmt.Errorf("shelf for listening sockets: %w", err)
	}
	s := &Shelf{in: take, words: make(chan string, 1), kept: map[string]*os.File{}}
	go s.run()
	return s, out, nil
}

// run takes sockets until the process has ended, or Close.
func (s *Shelf) run() {
	defer s.in.Close()
	name := make([]byte, maxName)
	for {
		n, f, err := receive(s.in, name)
		if err != nil {
			return
		}
		if f == nil {
			select {
			case s.words <- string(name[:n]):
			default: // it has said something before
			}
			continue
		}
		answer := []byte{0}
		if s.keep(string(name[:n]), f) {
			answer[0] = 1
		}
		_, _ = s.in.Write(answer) // should the process have ended, nobody waits
	}
}

func (s *Shelf) keep(name string, f *os.File) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = f.Close()
		return false
	}
	if old := s.kept[name]; old != nil {
		_ = old.Close()
	}
	s.kept[name] = f
	return true
}

// Names returns the names of what is kept, sorted.
func (s *Shelf) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.kept))
}

// Use calls use with a socket, which must not be closed or kept; it reports whether
// there is one of that name.
func (s *Shelf) Use(name string, use func(*os.File) error) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.kept[name]
	if f == nil {
		return false, nil
	}
	return true, use(f)
}

// Words returns what the process has said with Say.
func (s *Shelf) Words() <-chan string { return s.words }

// Close gives the sockets back, and listens to the process no more.
func (s *Shelf) Close() {
	_ = s.in.Close()
	s.Empty()
}

// Empty gives the sockets back, and takes no others.
func (s *Shelf) Empty() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, f := range s.kept {
		_ = f.Close()
	}
	clear(s.kept)
}

// Deposit is the end of a Shelf that a process has.
type Deposit struct {
	mu  sync.Mutex // one socket at a time
	out *net.UnixConn
}

// OpenDeposit opens what a process has inherited, and closes the file.
func OpenDeposit(f *os.File) (*Deposit, error) {
	out, err := end(f)
	if err != nil {
		return nil, fmt.Errorf("shelf for listening sockets: %w", err)
	}
	return &Deposit{out: out}, nil
}

// Say leaves word for whoever has the shelf. It does not wait for an answer.
func (d *Deposit) Say(word string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.out.SetDeadline(time.Now().Add(passTimeout)); err != nil {
		return err
	}
	_, err := d.out.Write([]byte(word[:min(len(word), maxName)]))
	return err
}

// Put has a socket kept, and returns when it is.
func (d *Deposit) Put(name string, l net.Listener) error {
	if len(name) == 0 || len(name) > maxName {
		return fmt.Errorf("the name of a listening socket has %d bytes", len(name))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.out.SetDeadline(time.Now().Add(passTimeout)); err != nil {
		return err
	}
	if err := send(d.out, []byte(name), l); err != nil {
		return err
	}
	answer := make([]byte, 1)
	if _, err := d.out.Read(answer); err != nil {
		return err
	}
	if answer[0] == 0 {
		return errors.New("another process has taken over")
	}
	return nil
}
