package bench

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// BenchmarkThinLink compares the link of a small application with that of one
// that has six times as much code: what is linked is the change, so it is to be
// about the same. The saves take turns.
func BenchmarkThinLink(b *testing.B) {
	servers := make([]*harness.Server, len(benchApps))
	sources := make([]string, len(benchApps))
	times := map[string][]time.Duration{}
	for i, app := range benchApps {
		servers[i] = harness.Start(b, harness.CopyApp(b, app.name))
		sources[i] = servers[i].Read(app.file)
	}
	n := 0
	for b.Loop() {
		n++
		for i, app := range benchApps {
			s := servers[i]
			s.Save(app.file, strings.Replace(sources[i], app.old, fmt.Sprintf(app.new, fmt.Sprintf("mark-%d", n)), 1))
			for _, step := range s.Wait(control.EventLive).Steps {
				if step.Name == control.StepLink {
					if step.Detail != "thin" {
						b.Fatalf("%s: linked %s", app.name, step.Detail)
					}
					times[app.name] = append(times[app.name], time.Duration(step.Duration))
				}
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(times["hello"]), "hello-ms")
	b.ReportMetric(median(times["blog"]), "blog-ms")
	b.ReportMetric(median(times["blog"])/median(times["hello"]), "blog/hello")
}

// BenchmarkGenerations reports what each generation adds to the memory of the
// live server for good, with thin links and with full ones. Run it with
// -benchtime=200x.
func BenchmarkGenerations(b *testing.B) {
	for _, link := range []struct {
		name string
		args []string
	}{{"thin", nil}, {"full", []string{"--full-link"}}} {
		b.Run(link.name, func(b *testing.B) {
			// A heap of constant size shows what is not in the heap.
			b.Setenv("GOGC", "10")
			s := harness.Start(b, harness.CopyApp(b, "blog"), link.args...)
			app := benchApps[1]
			source := s.Read(app.file)
			n := 0
			save := func() {
				n++
				s.Save(app.file, strings.Replace(source, app.old, fmt.Sprintf(app.new, fmt.Sprintf("mark-%d", n)), 1))
				s.Wait(control.EventLive)
				s.Try(app.page)
			}
			for range 5 {
				save()
			}
			before := s.Live().Live.RSS
			for b.Loop() {
				save()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(s.Live().Live.RSS-before)/float64(b.N)/1024, "KB/generation")
		})
	}
}

// BenchmarkSpeculation times a save whose content was built while it was typed,
// until the first response from the new code.
func BenchmarkSpeculation(b *testing.B) {
	app := benchApps[1]
	dir := harness.CopyApp(b, app.name)
	output := new(testkit.Buffer)
	e, err := engine.New(b.Context(), engine.Options{Dir: dir, Addr: "127.0.0.1:0", Stdout: output, Stderr: output})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
	events := e.Events().Subscribe(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	live := func() control.Event {
		for ev := range events {
			switch ev.Kind {
			case control.EventLive:
				return ev
			case control.EventKept:
				b.Fatalf("kept: %s %v", ev.Message, ev.Diagnostics)
			}
		}
		b.Fatalf("the engine ended\n%s", output)
		return control.Event{}
	}
	s := &harness.Server{T: b, Dir: dir, URL: e.URL(), Client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{}}}
	live()
	source := s.Read(app.file)
	times := map[string][]time.Duration{}
	n := 0
	for b.Loop() {
		n++
		mark := fmt.Sprintf("mark-%d", n)
		text := strings.Replace(source, app.old, fmt.Sprintf(app.new, mark), 1)
		b.StopTimer()
		// As the language server does it: first the prediction, then the build.
		buffers := map[string][]byte{filepath.Join(dir, app.file): []byte(text)}
		if _, err := e.Predictor().Predict(b.Context(), buffers); err != nil {
			b.Fatal(err)
		}
		e.Speculate(buffers)
		for len(harness.Glob(b, dir, fmt.Sprintf(".anvil/gen/%04d-*.so", n+1))) == 0 {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond) // somebody types on for a moment
		b.StartTimer()
		begun := time.Now()
		s.Save(app.file, text)
		for {
			if status, body := s.Try(app.page); status == http.StatusOK && strings.Contains(body, mark) {
				break
			}
			time.Sleep(200 * time.Microsecond)
		}
		times["save"] = append(times["save"], time.Since(begun))
		for _, step := range live().Steps {
			if step.Name == control.StepCompile && step.Detail != "built ahead" {
				b.Errorf("save %d was not built ahead", n)
			}
			times[step.Name] = append(times[step.Name], time.Duration(step.Duration))
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, name := range []string{"save", control.StepDebounce, control.StepPlan, control.StepPredict, control.StepOpen, control.StepRegister} {
		b.ReportMetric(median(times[name]), name+"-ms")
	}
}
