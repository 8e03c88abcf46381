// Package doctor examines whether a machine and a workspace can be hot-reloaded, and says what to
// do where they cannot.
//
// It looks for the truth by trying: it compiles with the C compiler, builds a plugin, binds a
// socket and watches the directories, each as the engine would. Then it draws the boundary of the
// workspace, because which packages are hot decides what a save can do.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
)

// Status is the outcome of a Check.
type Status string

// Outcomes of a check. Only Failed keeps anvil-lsp from working.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
	Skipped Status = "skipped" // not tried, or not to the end
)

// Check is one thing that was examined.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`           // what was found
	Advice string `json:"advice,omitempty"` // what to do
}

// Report is everything that was found.
type Report struct {
	Dir      string    `json:"dir"`
	Checks   []Check   `json:"checks"`
	Boundary *Boundary `json:"boundary,omitempty"`
	// Problems are mistakes in the code: it cannot be loaded, then there is no boundary, or does not
	// compile.
	Problems []manifest.Diagnostic `json:"problems,omitempty"`
	Hints    []string              `json:"hints,omitempty"`
}

// OK reports that nothing failed.
func (r *Report) OK() bool {
	for _, c := range r.Checks {
		if c.Status == Failed {
			return false
		}
	}
	return true
}

// Options say what to examine. Dir and Socket are required.
type Options struct {
	// Dir is the application's directory.
	Dir string
	// Socket is where the engine of Dir listens; what is built goes into the same directory.
	Socket func(dir string) string
	// Main and Tags are as for --serve.
	Main string
	Tags []string
	// Go is the go command; "go" if empty.
	Go string
	// CacheDir is where engines remember whether plugins can be linked thin; if it is empty their
	// answer is neither told nor replaced.
	CacheDir string
	// PluginLimit bounds the building of a plugin; 3 s if zero. Five times that is the limit for a
	// trial of thin plugins, and for the program's packages. An empty build cache needs longer, and
	// that is not a fault.
	PluginLimit time.Duration
	// Progress, unless it is nil, is called with what takes long.
	Progress build.Progress
}

// doctor is one examination.
type doctor struct {
	o      Options
	dir    string // absolute, without symbolic links
	socket string
	tmp    string
	env    goEnv
	vars   map[string]string // what env is of
	report *Report
	snap   *build.Snapshot // nil if the program cannot be loaded
}

// Run examines a machine and a workspace. The error is for a directory that is none; everything
// else is in the report. What Run makes it removes again.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	dir, err := filepath.Abs(o.Dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("directory to examine: %w", err)
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil, fmt.Errorf("directory to examine: %s is not a directory", dir)
	}
	if o.Go == "" {
		o.Go = "go"
	}
	if o.PluginLimit == 0 {
		o.PluginLimit = 3 * time.Second
	}
	tmp, err := os.MkdirTemp("", "anvil-doctor")
	if err != nil {
		return nil, fmt.Errorf("a place for trials: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	d := &doctor{o: o, dir: dir, socket: o.Socket(dir), tmp: tmp, report: &Report{Dir: dir}}
	if d.toolchain(ctx) {
		d.runtime()
		d.environment()
		if d.compiler(ctx) {
			d.linker(ctx)
		}
		d.plugins(ctx)
		d.thin(ctx)
	}
	d.output()
	d.program(ctx)
	d.watching()
	return d.report, context.Cause(ctx)
}

// progress tells what is about to take long.
func (d *doctor) progress(what string) {
	if d.o.Progress != nil {
		d.o.Progress(what)
	}
}

func (d *doctor) add(name string, s Status, advice, detail string, args ...any) {
	d.report.Checks = append(d.report.Checks, Check{Name: name, Status: s, Detail: fmt.Sprintf(detail, args...),
		Advice: advice})
}
