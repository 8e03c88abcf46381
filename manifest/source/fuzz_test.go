package source

import (
	"bytes"
	"flag"
	"go/scanner"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

var (
	mutateSeed = flag.Uint64("mutate.seed", 1, "seed of the random edits, 0 for another one in each run")
	mutateRuns = flag.Int("mutate.runs", 40, "random edits of each program")
)

// checkSound reports what must never be in a report, whatever the source is.
func checkSound(t *testing.T, r *Report) {
	t.Helper()
	for _, d := range r.Findings {
		if d.Detail != "" {
			t.Errorf("the checker failed: %s\n%s", d.Message, d.Detail)
		}
		if d.Message == "" || d.Line < 1 || d.File == "" {
			t.Errorf("a finding without message or place: %+v", d)
		}
	}
	if !slices.IsSortedFunc(r.Findings, func(a, b manifest.Diagnostic) int { return a.Position.Compare(b.Position) }) {
		t.Error("findings are not sorted")
	}
	for _, route := range r.Routes {
		if route.Kind == "" || route.Fingerprint == "" || route.Position.Line < 1 || strings.Contains(route.Signature, "?") {
			t.Errorf("not a route: %+v", route)
		}
	}
	for _, u := range r.Unknown {
		if u.Line < 1 || u.Reason == "" || u.Call == "" {
			t.Errorf("unknown without place or reason: %s %q %q", u.Position, u.Call, u.Reason)
		}
	}
}

// mutate makes the kind of mess that one leaves behind while typing.
func mutate(rng *rand.Rand, text []byte) []byte {
	text = slices.Clone(text)
	for range 1 + rng.IntN(3) {
		if len(text) == 0 {
			return text
		}
		switch rng.IntN(6) {
		case 0: // cut off
			text = text[:rng.IntN(len(text))]
		case 1: // without a token
			from, to := randomToken(rng, text)
			text = slices.Delete(text, from, to)
		case 2: // a token of its own in place of another
			from, to := randomToken(rng, text)
			otherFrom, otherTo := randomToken(rng, text)
			text = slices.Replace(text, from, to, slices.Clone(text[otherFrom:otherTo])...)
		case 3: // lines swapped
			lines := bytes.SplitAfter(text, []byte("\n"))
			i, j := rng.IntN(len(lines)), rng.IntN(len(lines))
			lines[i], lines[j] = lines[j], lines[i]
			text = bytes.Join(lines, nil)
		case 4: // a line twice
			lines := bytes.SplitAfter(text, []byte("\n"))
			i := rng.IntN(len(lines))
			text = bytes.Join(slices.Insert(lines, i, lines[i]), nil)
		case 5: // a piece elsewhere
			from := rng.IntN(len(text))
			to := min(len(text), from+rng.IntN(80))
			text = slices.Insert(text, rng.IntN(len(text)), slices.Clone(text[from:to])...)
		}
	}
	return text
}

func randomToken(rng *rand.Rand, text []byte) (from, to int) {
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	var spans [][2]int
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		start := file.Offset(pos)
		length := len(lit)
		if length == 0 {
			length = len(tok.String())
		}
		spans = append(spans, [2]int{start, min(start+length, len(text))})
	}
	if len(spans) == 0 {
		return 0, len(text)
	}
	span := spans[rng.IntN(len(spans))]
	return span[0], span[1]
}

// TestMutatedSource edits the programs in testdata at random. The checker must
// neither fail nor hang, and whatever it kept from earlier states, it must say
// what one says that sees the program for the first time.
func TestMutatedSource(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no programs", err)
	}
	seed := *mutateSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	runs := *mutateRuns
	if testing.Short() {
		runs = max(1, runs/4)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			p, clean := archived(t, parseArchive(t, name))
			rng := rand.New(rand.NewPCG(seed, 1))
			c := NewChecker(p)
			var files []string
			for _, pkg := range p.Packages {
				files = append(files, pkg.GoFiles...)
			}
			for i := range runs {
				overlay := map[string][]byte{}
				for _, f := range files {
					overlay[f] = clean[f]
					if rng.IntN(len(files)) == 0 {
						overlay[f] = mutate(rng, clean[f])
					}
				}
				r := mustCheck(t, c, overlay)
				checkSound(t, r)
				if i%8 == 0 {
					fresh := mustCheck(t, NewChecker(p), overlay)
					r.code, fresh.code = nil, nil // positions of another file set
					if !reflect.DeepEqual(r, fresh) {
						t.Errorf("kept state shows:\n%s%v\nnot\n%s%v", describe(r), r.Findings, describe(fresh), fresh.Findings)
					}
				}
				if t.Failed() {
					t.Logf("-mutate.seed=%d, run %d:\n%s", seed, i, dump(overlay))
					return
				}
			}
		})
	}
}

func dump(overlay map[string][]byte) []byte {
	var a txtar.Archive
	for name, data := range overlay {
		a.Files = append(a.Files, txtar.File{Name: name, Data: data})
	}
	return txtar.Format(&a)
}

func FuzzCheck(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		f.Add(section(parseArchive(f, name), "handlers/routes.go"))
	}
	f.Add(compared)
	p, _ := archived(f, handlersOnly(""))
	c := NewChecker(p)
	f.Fuzz(func(t *testing.T, src string) {
		// An input that hangs is of use only if one gets to see it.
		hangs := time.AfterFunc(time.Minute, func() { panic("the check of this source does not end:\n" + src) })
		defer hangs.Stop()
		r := mustCheck(t, c, map[string][]byte{p.Packages[0].GoFiles[0]: []byte(src)})
		checkSound(t, r)
	})
}
