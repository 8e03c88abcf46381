package launch

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestListen(t *testing.T) {
	for addr, want := range map[string]string{
		":0":          "http://127.0.0.1:",
		"localhost:0": "http://localhost:",
		"127.0.0.1:0": "http://127.0.0.1:",
	} {
		t.Run(addr, func(t *testing.T) {
			s, err := Listen(t.Context(), addr)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			at := s.Addr().(*net.TCPAddr)
			if !at.IP.IsLoopback() || s.URL() != fmt.Sprint(want, at.Port) {
				t.Errorf("%v, %s", at, s.URL())
			}
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
		})
	}
}

func TestListenRefuses(t *testing.T) {
	for addr, want := range map[string]error{
		"0.0.0.0:0":          ErrNotLoopback,
		"[::]:0":             ErrNotLoopback,
		"192.0.2.1:0":        ErrNotLoopback,
		"[::ffff:8.8.8.8]:0": ErrNotLoopback,
		"8080":               nil,
		"":                   nil,
		":99999":             nil,
	} {
		s, err := Listen(t.Context(), addr)
		if err == nil {
			s.Close()
		}
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), addr) {
			t.Errorf("Listen(%q) = %v; want an error that names the address, and is %v", addr, err, want)
		}
	}
}

func TestListenNamesWhoHasTheAddress(t *testing.T) {
	others := []string{"127.0.0.1:0"}
	if runtime.GOOS == "linux" { // elsewhere an address is free although its port is taken on all interfaces
		others = append(others, "0.0.0.0:0")
	}
	for _, other := range others {
		l, err := net.Listen("tcp", other)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addr := fmt.Sprintf(":%d", l.Addr().(*net.TCPAddr).Port)
		_, err = Listen(t.Context(), addr)
		if !errors.Is(err, ErrAddrInUse) || !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), addr) {
			t.Errorf("Listen: %v", err)
			continue
		}
		if who := fmt.Sprintf(" by process %d (%s", os.Getpid(), os.Args[0]); runtime.GOOS == "linux" && !strings.Contains(err.Error(), who) {
			t.Errorf("Listen: %v; want %q in it", err, who)
		}
	}
}

func TestCopiesOfASocketKeepItOpenAndNonBlocking(t *testing.T) {
	s, err := Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := s.file()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_ = file.Fd() // as os/exec does to hand it to a process
	accepted := make(chan error, 1)
	go func() {
		_, err := s.listener.Accept()
		accepted <- err
	}()
	if err := s.Close(); err != nil { // ends Accept, unless the socket is blocking now
		t.Fatal(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatalf("the copy does not keep the socket open: %v", err)
	}
	conn.Close()
}
