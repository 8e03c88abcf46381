package gotypes_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

var (
	shapeSeed  = flag.Uint64("shape.seed", 0, "seed of the random type declarations; 0 takes a new one")
	shapeCount = flag.Int("shape.count", 120, "number of random type declarations in each of three packages")
)

func seed() uint64 {
	if *shapeSeed != 0 {
		return *shapeSeed
	}
	return uint64(time.Now().UnixNano())
}

// The packages of the random program. The compiler spells a dot in the last
// element of a path in another way. With the prefix of a generation the paths
// sort in another order than without.
const (
	storePath    = "example.com/app/a/store.v2"
	viewPath     = "example.com/app/c++/view.v1"
	handlersPath = "example.com/app/handlers"
	generation   = "anvil.g7/"
)

// hotSets are the sets of hot packages by which each type is looked at.
var hotSets = [][]string{{viewPath, handlersPath}, {handlersPath}, {storePath, viewPath, handlersPath, "net/http", "time"}, {}}

// generateProgram returns the packages of a program; those of a generation
// import each other under its prefix if it is set.
func generateProgram(seed uint64, n int, rename, prefix string) []*generatedPackage {
	g := newGenerator(seed, rename)
	g.generate(storePath, n)
	g.generate(prefix+viewPath, n)
	g.generate(prefix+handlersPath, n)
	return g.packages
}

// answer is what the running program says about one type.
type answer struct {
	ID     string
	Shapes []string // by each of hotSets
	Name   string
}

// TestProducersAgree compiles random type declarations, as those of a
// generation, and compares what the running program says about its types with
// what the source says.
func TestProducersAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs a program")
	}
	seed := seed()
	answers := runProgram(t, seed, generateProgram(seed, *shapeCount, "", generation))

	known, expressions := map[string]types.Type{}, map[string]string{}
	c := newTypeChecker(t)
	for _, p := range generateProgram(seed, *shapeCount, "", "") {
		_, info, files, err := c.check(p.path, p.text.String())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, q := range asked(files, info) {
			known[q.id] = q.typ
		}
		for i, expression := range p.asked {
			expressions[p.id(i)] = expression
		}
	}
	if len(answers) != len(known) || len(known) < 3**shapeCount {
		t.Fatalf("seed %d: %d answers about %d types", seed, len(answers), len(known))
	}
	failures := 0
	for _, a := range answers {
		for i, hot := range hotSets {
			shapes := gotypes.NewShapes(hot)
			if got, ok := shapes.Of(known[a.ID]); got != a.Shapes[i] || !ok {
				t.Errorf("seed %d, %s, %s, hot %v:\nsource  %s\nreflect %s", seed, a.ID, expressions[a.ID], hot, got, a.Shapes[i])
				failures++
			}
		}
		// The order of methods of the same name is another one in a generation.
		if got := gotypes.Signature(known[a.ID]); got != a.Name && strings.Count(got, "hidden()") < 2 {
			t.Errorf("seed %d, %s, %s:\nsource  %s\nreflect %s", seed, a.ID, expressions[a.ID], got, a.Name)
			failures++
		}
		if failures > 5 {
			t.Fatal("and so on")
		}
	}
}

// runProgram compiles packages into a program that asks reflection.
func runProgram(t *testing.T, seed uint64, packages []*generatedPackage) []answer {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) { testkit.WriteFile(t, filepath.Join(dir, name), text) }
	this, version := checkout(t)
	write("go.work", fmt.Sprintf("go %s\nuse (\n\t./app\n\t./generation\n\t%q\n)\n", version, this))
	write("app/go.mod", "module example.com/app\ngo "+version+"\n")
	write("generation/go.mod", "module "+strings.TrimSuffix(generation, "/")+"\ngo "+version+"\n")
	var imports, calls strings.Builder
	for _, p := range packages {
		file := "generation/" + strings.TrimPrefix(p.path, generation)
		if !strings.HasPrefix(p.path, generation) {
			file = "app/" + strings.TrimPrefix(p.path, "example.com/app/")
		}
		write(file+"/p.go", p.text.String())
		fmt.Fprintf(&imports, "\t%s %q\n", p.name, p.path)
		fmt.Fprintf(&calls, "\t%s.Types(add)\n", p.name)
	}
	write("app/main.go", fmt.Sprintf(programText, imports.String(), calls.String()))
	program := filepath.Join(dir, "program")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = filepath.Join(dir, "app")
	build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK="+filepath.Join(dir, "go.work"))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, out)
	}
	sets, err := json.Marshal(hotSets)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), program)
	run.Stdin, run.Stderr = bytes.NewReader(sets), t.Output()
	out, err := run.Output()
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	var answers []answer
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var a answer
		if err := d.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	return answers
}

const programText = `package main

import (
	"encoding/json"
	"os"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
%s)

func main() {
	var sets [][]string
	if err := json.NewDecoder(os.Stdin).Decode(&sets); err != nil {
		panic(err)
	}
	out := json.NewEncoder(os.Stdout)
	add := func(id string, t reflect.Type) {
		var shapes []string
		for _, hot := range sets {
			shapes = append(shapes, shape.NewReflector(hot).Of(t))
		}
		err := out.Encode(map[string]any{"ID": id, "Shapes": shapes, "Name": symbol.NameOf(t)})
		if err != nil {
			panic(err)
		}
	}
%s}
`
