package lspserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

func TestSettings(t *testing.T) {
	s, faults := view.DefaultSettings().Overlay(json.RawMessage(`{"onSave":"manual","onBreak":"never","race":"yes","tags":["a","b"],"checkDelay":-1,"unknown":1,"hover":null}`))
	want := view.DefaultSettings()
	want.OnSave, want.Tags = view.SaveManual, []string{"a", "b"}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v, want %+v", s, want)
	}
	if len(faults) != 3 {
		t.Errorf("faults: %v", faults)
	}
	for _, raw := range []string{``, `null`, `{}`} {
		if s, faults := view.DefaultSettings().Overlay(json.RawMessage(raw)); len(faults) != 0 || !reflect.DeepEqual(s, view.DefaultSettings()) {
			t.Errorf("%q: %+v %v", raw, s, faults)
		}
	}
	if _, faults := view.DefaultSettings().Overlay(json.RawMessage(`[1]`)); len(faults) != 1 {
		t.Errorf("faults: %v", faults)
	}
	again, elsewhere := want, want
	again.CheckDelay, elsewhere.Cwd = 1, "data"
	if !want.SameEngine(again) || want.SameEngine(view.DefaultSettings()) || want.SameEngine(elsewhere) {
		t.Error("what an engine is made with is told wrongly")
	}
}

// TestSettingsOverlaid: what is laid over settings changes neither these nor what
// else is laid over them.
func TestSettingsOverlaid(t *testing.T) {
	overlay := func(below view.Settings, list string) view.Settings {
		s, faults := below.Overlay(json.RawMessage(fmt.Sprintf(`{"tags":%s,"assets":%[1]s,"args":%[1]s}`, list)))
		if len(faults) != 0 {
			t.Errorf("faults: %v", faults)
		}
		return s
	}
	initial := overlay(view.DefaultSettings(), `["0","1"]`)
	one := overlay(initial, `["one"]`)
	two := overlay(initial, `["two","three"]`)
	for _, tt := range []struct {
		s    view.Settings
		want []string
	}{{initial, []string{"0", "1"}}, {one, []string{"one"}}, {two, []string{"two", "three"}}} {
		for _, got := range [][]string{tt.s.Tags, tt.s.Assets, tt.s.Args} {
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		}
	}
}

// TestFolderSettings: the client is asked for the settings of each folder.
func TestFolderSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.s.client.Configuration = true
		d.s.initial = json.RawMessage(`{"checkDelay":7}`)
		outer, inner, other := d.session("outer"), d.session("inner"), d.session("other")
		d.s.folders[0].sessions = append(d.s.folders[0].sessions, inner) // a folder within the first
		d.s.folders[0].dir = filepath.Dir(filepath.Dir(outer.dir))
		for i, w := range d.s.folders {
			w.uri = uri.URI(fmt.Sprintf("file:///%d", i))
		}
		d.client.answer = func(method string, params json.RawMessage) string {
			var p protocol.ConfigurationParams
			if err := protocol.Unmarshal(params, &p); err != nil {
				t.Error(err)
			}
			var out []string
			for _, item := range p.Items {
				switch {
				case item.ScopeURI == nil:
					out = append(out, `{"onSave":"manual","tags":["all"]}`)
				case *item.ScopeURI == "file:///0":
					out = append(out, `{"address":"127.0.0.1:1","race":"yes"}`)
				case *item.ScopeURI == "file:///1":
					out = append(out, `{"address":"127.0.0.1:2","race":"yes"}`)
				default:
					out = append(out, "null")
				}
			}
			return "[" + strings.Join(out, ",") + "]"
		}
		d.s.pullConfiguration(nil)
		synctest.Wait()
		check := func(f *session, address, onSave string) {
			t.Helper()
			s := f.getSettings()
			if s.Address != address || s.OnSave != onSave || s.CheckDelay != 7 || !reflect.DeepEqual(f.view().Settings, s) {
				t.Errorf("%s: %+v, shown are %+v", filepath.Base(f.dir), s, f.view().Settings)
			}
		}
		check(outer, "127.0.0.1:1", view.SaveAlways)
		check(inner, "127.0.0.1:2", view.SaveAlways)
		check(other, "", view.SaveManual) // nothing is configured for it alone
		if n := len(d.client.all(protocol.MethodWindowLogMessage)); n != 1 {
			t.Errorf("one fault was reported %d times", n)
		}
		// The folder around it is closed.
		d.s.removeFolder(protocol.WorkspaceFolder{URI: uri.File(d.s.folders[0].given)})
		check(inner, "127.0.0.1:2", view.SaveAlways)
		// A client that answers one item only.
		d.client.answer = func(string, json.RawMessage) string { return `[{"onSave":"noErrors"}]` }
		d.s.pullConfiguration(nil)
		synctest.Wait()
		check(inner, "", view.SaveNoErrors)
	})
}

// TestWorkDir: the setting is relative to the workspace folder, wherever in it, or
// around it, the application is.
func TestWorkDir(t *testing.T) {
	d := newDesk(t)
	inner, around := d.session("shop/cmd/api"), d.session("shop")
	folder := filepath.Dir(filepath.Dir(inner.dir))
	d.s.folders[0].dir = folder
	d.s.folders[1].dir = filepath.Join(around.dir, "handlers")
	for _, tt := range []struct {
		f         *session
		cwd, want string
	}{
		{inner, "", ""},
		{inner, ".", folder},
		{inner, "data", filepath.Join(folder, "data")},
		{inner, "../data", filepath.Join(filepath.Dir(folder), "data")},
		{inner, "/srv/data", "/srv/data"},
		{around, "data", filepath.Join(around.dir, "handlers", "data")},
	} {
		if got := tt.f.workDir(tt.cwd); got != tt.want {
			t.Errorf("%q for %s: %q, want %q", tt.cwd, tt.f.dir, got, tt.want)
		}
	}
}

// TestRetry: an engine that could not be had is tried again after a save and
// when another application's engine has ended. The user is told once.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.s.trustWord(new(false)) // nothing is built here
		f, other := d.session("x/server"), d.session("y/server")
		f.fail(errors.New("no such main package"))
		f.fail(errors.New("no such main package"))
		synctest.Wait()
		told := d.client.all(protocol.MethodWindowShowMessage)
		if len(told) != 1 || !strings.Contains(string(told[0].Params), "x/server: no such main package") {
			t.Errorf("the user was told %s", told)
		}
		tries := func(when string, want bool) {
			t.Helper()
			select {
			case <-f.poked:
				if !want {
					t.Errorf("tried again %s", when)
				}
			default:
				if want {
					t.Errorf("not tried again %s", when)
				}
			}
		}
		tries("at once", false)
		d.open(filepath.Join(f.dir, "main.go"), "package main\n")
		d.open(filepath.Join(other.dir, "main.go"), "package main\n")
		tries("after opening", false)
		d.save(filepath.Join(other.dir, "main.go"))
		tries("after saving a file of another application", false)
		d.save(filepath.Join(f.dir, "main.go"))
		tries("after saving", true)
		d.s.retry()
		tries("after another engine ended", true)
		f.set(func() { f.state, f.failed = view.StateStarting, false })
		d.s.retry()
		tries("though another engine ended while it was being tried", true)
		f.connect(&puppet{}, true, nil, control.Status{})
		d.save(filepath.Join(f.dir, "main.go"))
		tries("after saving while one runs", false)
	})
}

func TestShortName(t *testing.T) {
	for _, tt := range []struct {
		path   string
		others []string
		want   string
	}{
		{"/home/ann/x/server", nil, "server"},
		{"/home/ann/x/server", []string{"/home/ann/y/client"}, "server"},
		{"/home/ann/x/server", []string{"/home/ann/y/server"}, "x/server"},
		{"/home/ann/x/server", []string{"/home/ann/myserver"}, "server"},
		{"/x/server", []string{"/home/x/server"}, "/x/server"},
	} {
		if got := view.ShortName(tt.path, tt.others); got != tt.want {
			t.Errorf("%s beside %q is %q, want %q", tt.path, tt.others, got, tt.want)
		}
	}
}

// TestDocumented keeps docs/lsp.md equal to the settings and commands.
func TestDocumented(t *testing.T) {
	data, err := os.ReadFile("../docs/lsp.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	var settings []string
	defaults := reflect.ValueOf(view.DefaultSettings())
	for i := range defaults.NumField() {
		value, err := json.Marshal(defaults.Field(i).Interface())
		if err != nil {
			t.Fatal(err)
		}
		if string(value) == "null" {
			value = []byte("[]")
		}
		settings = append(settings, fmt.Sprintf("`%s` | `%s`", defaults.Type().Field(i).Tag.Get("json"), value))
	}
	var described []string
	for _, m := range regexp.MustCompile("(?m)^\\| (`[a-zA-Z]+` \\| `[^`]*`) \\|").FindAllStringSubmatch(doc, -1) {
		described = append(described, m[1])
	}
	if slices.Sort(settings); !slices.Equal(slices.Sorted(slices.Values(described)), settings) {
		t.Errorf("the table of settings has\n%s\nthe code has\n%s", strings.Join(described, "\n"), strings.Join(settings, "\n"))
	}
	var commands []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(anvil\\.[a-zA-Z]+)` \\|").FindAllStringSubmatch(doc, -1) {
		commands = append(commands, m[1])
	}
	s := New(Options{In: strings.NewReader(""), Out: new(strings.Builder)})
	if slices.Sort(commands); !slices.Equal(commands, slices.Sorted(maps.Keys(s.commands))) {
		t.Errorf("the table of commands has %q, the code has %q", commands, slices.Sorted(maps.Keys(s.commands)))
	}
	for name := range s.methods {
		if strings.HasPrefix(name, "anvil/") && !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("%s is not documented", name)
		}
	}
	if typ := reflect.TypeFor[view.Status](); true {
		for i := range typ.NumField() {
			if name := typ.Field(i).Tag.Get("json"); !strings.Contains(doc, "`"+name+"`") {
				t.Errorf("the field %s of anvil/status is not documented", name)
			}
		}
	}
}
