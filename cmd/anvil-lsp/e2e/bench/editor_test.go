package bench

import (
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// editorBench is a workspace to measure in.
type editorBench struct {
	name string
	make func(testing.TB) string
	// hinted has an ANV007 as soon as anything is known.
	hinted string
	// typed are the files that are typed in: their handler old becomes new, and
	// back.
	typed    map[string]string // by what they stand for
	old, new string
}

var editorBenches = []editorBench{
	{
		name: "blog", make: func(t testing.TB) string { return harness.CopyApp(t, "blog") },
		hinted: "handlers/routes.go", typed: map[string]string{"handlers": "handlers/pages.go"},
		old: harness.ShowPost, new: harness.ShowPostBroken,
	},
	{
		name: "200-packages", make: harness.MakeLarge,
		hinted: "handlers/handlers.go", typed: map[string]string{"leaf": "handlers/p119/p119.go", "deep": "handlers/p000/p000.go"},
		old: harness.LargeHandler, new: harness.LargeHandlerBroken,
	},
}

// BenchmarkEditor times the language server over its streams: from initialize to
// the first diagnostics and to a live application, with everything in the build
// cache; from a keystroke to the prediction for it, with the delay in which
// typing must rest and without; and its memory afterwards. Times are medians in
// milliseconds.
func BenchmarkEditor(b *testing.B) {
	for _, w := range editorBenches {
		b.Run(w.name, func(b *testing.B) {
			harness.NeedProc(b)
			dir := w.make(b)
			harness.OpenEditor(b, dir, nil).End() // compiles what is not in the cache
			times := map[string][]time.Duration{}
			add := func(name string, since time.Time) { times[name] = append(times[name], time.Since(since)) }
			var memory int64
			for b.Loop() {
				e := harness.StartEditor(b, dir)
				begun := time.Now()
				e.Initialize(lsptest.Options{Root: dir})
				e.Open(w.hinted)
				e.Await("the first diagnostics", func(s *lsptest.State) bool { return s.Has(w.hinted, manifest.CodePackageState) })
				add("first-diagnostics", begun)
				e.Await("live", func(s *lsptest.State) bool { return s.Live(1) })
				add("live", begun)
				for what, file := range w.typed {
					e.Open(file)
					for _, delay := range []int{60, 0} {
						e.Configure(map[string]any{"checkDelay": delay})
						e.Must("anvil/statusOf", nil, nil) // the settings have been asked for
						name := "keystroke-" + what
						if delay == 0 {
							name += "-undelayed"
						}
						for range 10 {
							for _, broken := range []bool{true, false} {
								from, to := w.old, w.new
								if !broken {
									from, to = to, from
								}
								begun := time.Now()
								e.Edit(file, from, to)
								version := e.Version(file)
								e.Await("the prediction", func(s *lsptest.State) bool {
									p := s.In(file)
									return p.Version != nil && *p.Version == version && s.Has(file, manifest.CodeSignature) == broken
								})
								add(name, begun)
							}
						}
					}
				}
				memory = max(memory, harness.RSS(b, e.Cmd.Process.Pid))
				e.End()
			}
			b.ReportMetric(0, "ns/op") // the medians say it better
			for name, ds := range times {
				b.ReportMetric(median(ds), name+"-ms")
			}
			b.ReportMetric(float64(memory>>20), "MB")
		})
	}
}
