package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/e2e/internal/session"
)

// Load is what became of the requests.
type Load struct {
	Requests int           `json:"requests"`
	Failed   int           `json:"failed"`
	Failures []Failure     `json:"failures,omitempty"` // the first
	Statuses map[int]int   `json:"statuses"`
	Longest  time.Duration `json:"longest_ns"`
	At       time.Time     `json:"longest_at"`
}

// Failure is a request that got no answer, or one that says that nobody is there.
type Failure struct {
	Time time.Time `json:"time"`
	Path string    `json:"path"`
	Says string    `json:"says"`
}

const (
	shownFailures  = 20
	clients        = 8
	requestTimeout = 2 * time.Minute
)

// unserved are the answers that somebody between gives.
var unserved = []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// loadProcess is the other process.
type loadProcess struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   bytes.Buffer
}

// startLoad starts another process that sends requests to url.
func startLoad(self []string, url string, rate int, paths []string) (*loadProcess, error) {
	args := append(slices.Clone(self[1:]), "-rate", fmt.Sprint(rate), url)
	l := &loadProcess{cmd: exec.Command(self[0], append(args, paths...)...)}
	l.cmd.Stdout, l.cmd.Stderr = &l.out, os.Stderr
	l.cmd.SysProcAttr, l.cmd.WaitDelay = session.OwnGroup(), 10*time.Second
	stdin, err := l.cmd.StdinPipe() // its end tells the process to stop
	if err != nil {
		return nil, err
	}
	l.stdin = stdin
	return l, l.cmd.Start()
}

// stop ends the requests and returns what became of them.
func (l *loadProcess) stop() (*Load, error) {
	err := errors.Join(l.stdin.Close(), l.cmd.Wait())
	if err != nil {
		return nil, fmt.Errorf("the process that sends requests: %w", err)
	}
	load := new(Load)
	return load, json.Unmarshal(l.out.Bytes(), load)
}

// generateLoad is that process: it sends requests until its standard input ends,
// and prints a Load.
func generateLoad(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	fs := flag.NewFlagSet(loadCommand, flag.ContinueOnError)
	rate := fs.Int("rate", 50, "requests a second")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *rate < 1 || fs.NArg() < 2 {
		return errors.New("a rate, an address and paths are needed")
	}
	url, paths := fs.Arg(0), fs.Args()[1:]
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		io.Copy(io.Discard, stdin)
		cancel()
	}()
	load := &Load{Statuses: map[int]int{}}
	var mu sync.Mutex // guards load
	var done sync.WaitGroup
	for i := range clients {
		done.Go(func() {
			// Half of them open a connection for each request.
			client := &http.Client{Timeout: requestTimeout, Transport: &http.Transport{DisableKeepAlives: i%2 == 1},
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			tick := time.NewTicker(time.Second * clients / time.Duration(*rate))
			defer tick.Stop()
			for n := i; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				path := paths[n%len(paths)]
				begun := time.Now()
				status, err := get(client, url+path) // ends also when ctx does: it was sent
				mu.Lock()
				load.add(begun, path, status, err)
				mu.Unlock()
			}
		})
	}
	done.Wait()
	return json.NewEncoder(stdout).Encode(load)
}

func get(client *http.Client, url string) (int, error) {
	resp, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

func (l *Load) add(begun time.Time, path string, status int, err error) {
	l.Requests++
	if took := time.Since(begun); took > l.Longest {
		l.Longest, l.At = took, begun
	}
	if status != 0 {
		l.Statuses[status]++
	}
	switch {
	case err != nil:
	case slices.Contains(unserved, status):
		err = errors.New(http.StatusText(status))
	default:
		return
	}
	l.Failed++
	if len(l.Failures) < shownFailures {
		l.Failures = append(l.Failures, Failure{begun, path, err.Error()})
	}
}
