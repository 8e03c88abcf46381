package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// Report is what a run has measured.
type Report struct {
	Dir       string    `json:"dir"`
	Main      string    `json:"main"`
	Time      time.Time `json:"time"`
	N         int       `json:"n"`
	Go        string    `json:"go"`
	OS        string    `json:"os"`
	Arch      string    `json:"arch"`
	CPUs      int       `json:"cpus"`
	Functions []*Result `json:"functions"`
	Memory    *Memory   `json:"memory,omitempty"`
	Air       *Air      `json:"air,omitempty"`
}

// Result is what was measured of one function.
type Result struct {
	Function     string              `json:"function"`
	Package      string              `json:"package"`
	File         string              `json:"file"`
	Hot          bool                `json:"hot"`
	Live         Samples             `json:"live_ms"`
	AfterRestart Samples             `json:"live_after_restart_ms,omitempty"`
	Steps        map[string]*Samples `json:"steps_ms"`
	GoBuild      Samples             `json:"go_build_ms"`
	Compile      Samples             `json:"go_tool_compile_ms"`
	Links        map[string]int      `json:"links,omitempty"` // how often which kind
}

// Memory is what generations add to the application.
type Memory struct {
	Function      string  `json:"function"`
	RSS           []int64 `json:"rss_bytes"` // after each of them
	PerGeneration int64   `json:"bytes_per_generation"`
	// Plugin is how much of that is the plugin of one. The rest is what the
	// application does not let go: what package-level variables refer to, and
	// what goroutines hold that do not end with their generation.
	Plugin int64 `json:"plugin_bytes_per_generation"`
}

// Air is what was measured of air, for the functions in their order.
type Air struct {
	Version string     `json:"version,omitempty"`
	Started []*Samples `json:"started_ms"`
}

// Samples are times, in the order in which they were measured.
type Samples []time.Duration

func (s *Samples) add(d time.Duration) { *s = append(*s, d) }

// MarshalJSON writes milliseconds.
func (s Samples) MarshalJSON() ([]byte, error) {
	ms := make([]float64, len(s))
	for i, d := range s {
		ms[i] = milliseconds(d)
	}
	return json.Marshal(ms)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// median of an even number is the mean of the two in the middle.
func (s Samples) median() time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// slope is the median of the differences between all pairs, for each step: one
// that was measured badly does not move it.
func slope(values []int64) int64 {
	var slopes []int64
	for i := range values {
		for j := i + 1; j < len(values); j++ {
			slopes = append(slopes, (values[j]-values[i])/int64(j-i))
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	slices.Sort(slopes)
	return slopes[len(slopes)/2]
}

func (r *Result) step(ev control.Event) {
	if r.Steps == nil {
		r.Steps = map[string]*Samples{}
	}
	for _, step := range ev.Steps {
		if r.Steps[step.Name] == nil {
			r.Steps[step.Name] = &Samples{}
		}
		r.Steps[step.Name].add(time.Duration(step.Duration))
	}
}

func (r *Result) link(ev control.Event) {
	if r.Links == nil {
		r.Links = map[string]int{}
	}
	for _, step := range ev.Steps {
		if step.Name == control.StepLink {
			r.Links[step.Detail]++
		}
	}
}

// stepOrder is the order in which steps happen.
var stepOrder = []string{
	control.StepDebounce, control.StepPlan, control.StepPredict, control.StepResolve, control.StepCompile,
	control.StepLink, control.StepOpen, control.StepRegister, control.StepStart,
}

// write prints the table.
func (r *Report) write(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s %s/%s, %d CPUs, %d saves of each, %s\n", r.Dir, r.Go, r.OS, r.Arch, r.CPUs, r.N,
		r.Time.Format(time.RFC3339))
	fmt.Fprintln(w, "milliseconds: median, [fastest – slowest]")
	thin, links := 0, 0
	reasons := map[string]int{}
	for i, f := range r.Functions {
		kind := "restart"
		if f.Hot {
			kind = "hot"
		}
		fmt.Fprintf(w, "\n%s  %s\n", f.Function, kind)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		row := func(title string, s Samples, more string) {
			if len(s) > 0 {
				fmt.Fprintf(t, "  %s\t%.0f\t[%.0f – %.0f]\t%s\n", title, milliseconds(s.median()), milliseconds(slices.Min(s)),
					milliseconds(slices.Max(s)), more)
			}
		}
		var steps []string
		for _, name := range stepOrder {
			if s := f.Steps[name]; s != nil {
				steps = append(steps, fmt.Sprintf("%s %.0f", name, milliseconds(s.median())))
			}
		}
		row("save → live", f.Live, strings.Join(steps, ", "))
		row("after a restart", f.AfterRestart, "")
		row("go build", f.GoBuild, "")
		row("go tool compile", f.Compile, "")
		if r.Air != nil {
			row("air", *r.Air.Started[i], "until the process is started")
		}
		if err := t.Flush(); err != nil {
			return err
		}
		live, build, compile := milliseconds(f.Live.median()), milliseconds(f.GoBuild.median()),
			milliseconds(f.Compile.median())
		fmt.Fprintf(w, "  %.2f of go build", live/build)
		if f.Hot {
			fmt.Fprintf(w, ", %.2f of two compilations and 60 ms", live/(2*compile+60))
		}
		fmt.Fprintln(w)
		for detail, n := range f.Links {
			links += n
			if detail == "thin" {
				thin += n
			} else {
				reasons[detail] += n
			}
		}
	}
	if links > 0 {
		fmt.Fprintf(w, "\nlinks: %d of %d thin\n", thin, links)
		for _, reason := range slices.Sorted(maps.Keys(reasons)) {
			fmt.Fprintf(w, "  %d × %s\n", reasons[reason], reason)
		}
	}
	if r.Memory != nil {
		fmt.Fprintf(w, "memory: %d KB a generation (%s), of which the plugin %d KB\n", r.Memory.PerGeneration/1024,
			r.Memory.Function, r.Memory.Plugin/1024)
	}
	if r.Air != nil && r.Air.Version != "" {
		fmt.Fprintf(w, "air: %s\n", r.Air.Version)
	}
	return nil
}
