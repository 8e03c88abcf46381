package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// tree is the files of an application: text by slash-separated name.
type tree map[string]string

// edit is one file of the corpus: see testdata/edits/README.md.
type edit struct {
	name     string
	sentence string
	rung     manifest.Rung // empty: nothing that is built changes
	want     []finding     // sorted
	// live is what really happens, where that is not what can be known from
	// source.
	live          *expected
	before, after tree // the whole application
}

// expected is an outcome: the rung that is taken and why.
type expected struct {
	rung  manifest.Rung
	codes []manifest.Code // sorted, each once
}

func (e expected) String() string {
	parts := []string{cmp.Or(string(e.rung), "none")}
	for _, c := range e.codes {
		parts = append(parts, string(c))
	}
	return strings.Join(parts, " ")
}

// finding is a diagnostic without its words.
type finding struct {
	code manifest.Code
	at   manifest.Position // the file relative to the application
}

func (f finding) String() string { return strings.TrimSuffix(string(f.code)+" "+f.at.String(), " -") }

// covers reports whether an expected finding allows for one that was made: what
// the expectation leaves out may be anything.
func (f finding) covers(g finding) bool {
	return f.code == g.code &&
		(f.at.File == "" || f.at.File == g.at.File) &&
		(f.at.Line == 0 || f.at.Line == g.at.Line) &&
		(f.at.Column == 0 || f.at.Column == g.at.Column)
}

// predicted is what can be known before anything is built.
func (e *edit) predicted() expected { return expected{e.rung, codesOf(e.want)} }

// happening is what really happens. Hints do no harm, so nothing comes of them.
func (e *edit) happening() expected {
	if e.live != nil {
		return *e.live
	}
	return expected{e.rung, codesOf(slices.DeleteFunc(slices.Clone(e.want), finding.hint))}
}

// hint reports findings that exist only as a prediction.
func (f finding) hint() bool { return f.code.Severity() == manifest.SeverityHint }

func codesOf(fs []finding) []manifest.Code {
	var codes []manifest.Code
	for _, f := range fs {
		codes = append(codes, f.code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func editsDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../../testdata/edits")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// readCorpus returns the application and all edits, sorted by name.
func readCorpus(t testing.TB) (base tree, edits []*edit) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(editsDir(t), "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	archives := map[string]*txtar.Archive{}
	for _, name := range names {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		archives[strings.TrimSuffix(filepath.Base(name), ".txtar")] = ar
	}
	base = tree{}
	for _, f := range archives["base"].Files {
		base[f.Name] = string(f.Data)
	}
	delete(archives, "base")
	for _, name := range slices.Sorted(maps.Keys(archives)) {
		e, err := parseEdit(name, archives[name], base)
		if err != nil {
			t.Fatalf("%s.txtar: %v", name, err)
		}
		edits = append(edits, e)
	}
	return base, edits
}

func parseEdit(name string, ar *txtar.Archive, base tree) (*edit, error) {
	e := &edit{name: name, before: maps.Clone(base)}
	given := map[string]bool{}
	after := tree{}
	for _, f := range ar.Files {
		if file, ok := strings.CutPrefix(f.Name, "before/"); ok {
			e.before[file], given[file] = string(f.Data), true
		} else if file, ok := strings.CutPrefix(f.Name, "after/"); ok {
			after[file] = string(f.Data)
		} else {
			return nil, fmt.Errorf("%s is neither before/ nor after/", f.Name)
		}
	}
	e.after = maps.Clone(e.before)
	for file := range given { // deleted, unless it is named again
		delete(e.after, file)
	}
	maps.Copy(e.after, after)
	head := strings.Split(strings.TrimSpace(string(ar.Comment)), "\n")
	e.sentence = head[0]
	rung := false
	for _, line := range head[1:] {
		key, value, ok := strings.Cut(line, ": ")
		var err error
		switch {
		case !ok:
			err = fmt.Errorf("%q is not of the form key: value", line)
		case key == "rung":
			rung = true
			e.rung, err = parseRung(value)
		case key == "want":
			var f finding
			f, err = parseFinding(value)
			e.want = append(e.want, f)
		case key == "live":
			e.live, err = parseExpected(value, e.rung)
		default:
			err = fmt.Errorf("%q: no such key", key)
		}
		if err != nil {
			return nil, err
		}
	}
	if !strings.HasSuffix(e.sentence, ".") || !rung {
		return nil, fmt.Errorf("it must begin with a sentence and have a rung")
	}
	sortFindings(e.want)
	return e, nil
}

func parseRung(s string) (manifest.Rung, error) {
	switch r := manifest.Rung(s); r {
	case manifest.RungHotSwap, manifest.RungWarmRestart, manifest.RungKeep:
		return r, nil
	case "none":
		return "", nil
	}
	return "", fmt.Errorf("%q is not a rung", s)
}

var codePattern = regexp.MustCompile(`^ANV0(0[1-9]|1[0-4])$`)

// parseFinding reads a code and, as far as they are known, file, line and
// column.
func parseFinding(s string) (finding, error) {
	code, at, _ := strings.Cut(s, " ")
	f := finding{code: manifest.Code(code)}
	if !codePattern.MatchString(code) {
		return f, fmt.Errorf("%q is not a code", code)
	}
	parts := strings.Split(at, ":")
	f.at.File = parts[0]
	for i, n := range []*int{&f.at.Line, &f.at.Column} {
		if len(parts) > i+1 {
			var err error
			if *n, err = strconv.Atoi(parts[i+1]); err != nil {
				return f, fmt.Errorf("position %s: %w", at, err)
			}
		}
	}
	return f, nil
}

// parseExpected reads an optional rung and codes, or none.
func parseExpected(s string, rung manifest.Rung) (*expected, error) {
	e := &expected{rung: rung}
	for i, word := range strings.Fields(s) {
		if r, err := parseRung(word); err == nil && r != "" && i == 0 {
			e.rung = r
		} else if codePattern.MatchString(word) {
			e.codes = append(e.codes, manifest.Code(word))
		} else if word != "none" {
			return nil, fmt.Errorf("%q is neither a rung nor a code", word)
		}
	}
	slices.Sort(e.codes)
	return e, nil
}

func sortFindings(fs []finding) {
	slices.SortFunc(fs, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.at.File, b.at.File), cmp.Compare(a.at.Line, b.at.Line), cmp.Compare(a.at.Column, b.at.Column), cmp.Compare(a.code, b.code))
	})
}

// findingsOf returns diagnostics without their words, files relative to dir,
// sorted.
func findingsOf(dir string, ds []manifest.Diagnostic) []finding {
	var fs []finding
	for _, d := range ds {
		f := finding{d.Code, d.Position}
		if rel, err := filepath.Rel(dir, d.File); err == nil && d.File != "" {
			f.at.File = filepath.ToSlash(rel)
		}
		fs = append(fs, f)
	}
	sortFindings(fs)
	return fs
}

// differences says what is missing from findings and what is too much. A
// finding at another place than the expected one is both.
func differences(want, got []finding) (missed, false_ []finding) {
	false_ = slices.Clone(got)
	for _, w := range want {
		if i := slices.IndexFunc(false_, w.covers); i >= 0 {
			false_ = slices.Delete(false_, i, i+1)
		} else {
			missed = append(missed, w)
		}
	}
	return missed, false_
}

// withReplace returns a go.mod that takes the runtime from this checkout.
func withReplace(t testing.TB, mod string) string {
	t.Helper()
	repo, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return mod + "\nreplace github.com/anvilforge/anvil-lsp/hotreload => " + repo + "/hotreload\n"
}

// TestEditCorpus keeps the corpus as large and as varied as it was meant to be.
func TestEditCorpus(t *testing.T) {
	_, edits := readCorpus(t)
	silent := 0
	codes := map[manifest.Code]int{}
	for _, e := range edits {
		if maps.Equal(e.before, e.after) && e.rung != "" {
			t.Errorf("%s changes nothing", e.name)
		}
		if len(e.want) == 0 && e.live == nil {
			silent++
		}
		for _, c := range codesOf(e.want) {
			codes[c]++
		}
		if e.live != nil {
			for _, c := range e.live.codes {
				codes[c]++
			}
		}
		for _, f := range e.want {
			if _, there := e.after[f.at.File]; f.at.Line > 0 && !there {
				t.Errorf("%s: %s is not in a file of the application", e.name, f)
			}
		}
	}
	if len(edits) < 150 || silent < 40 {
		t.Errorf("%d edits, %d of them without a finding; want 150 and 40", len(edits), silent)
	}
	for n := range 14 {
		c := manifest.Code(fmt.Sprintf("ANV%03d", n+1))
		if c != manifest.CodeHandlerPanic && c != manifest.CodeLiveServer && codes[c] < 5 {
			t.Errorf("%d edits cause %s", codes[c], c)
		}
	}
	t.Logf("%d edits, %d of them without a finding", len(edits), silent)
	if _, err := os.Stat(filepath.Join(editsDir(t), "README.md")); err != nil {
		t.Error(err)
	}
}
