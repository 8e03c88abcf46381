package lspserver

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	s, faults := defaultSettings().overlay(json.RawMessage(`{"onSave":"manual","onBreak":"never","race":"yes","tags":["a","b"],"checkDelay":-1,"unknown":1,"hover":null}`))
	want := defaultSettings()
	want.OnSave, want.Tags = SaveManual, []string{"a", "b"}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v, want %+v", s, want)
	}
	if len(faults) != 3 {
		t.Errorf("faults: %v", faults)
	}
	for _, raw := range []string{``, `null`, `{}`} {
		if s, faults := defaultSettings().overlay(json.RawMessage(raw)); len(faults) != 0 || !reflect.DeepEqual(s, defaultSettings()) {
			t.Errorf("%q: %+v %v", raw, s, faults)
		}
	}
	if _, faults := defaultSettings().overlay(json.RawMessage(`[1]`)); len(faults) != 1 {
		t.Errorf("faults: %v", faults)
	}
	again := want
	again.CheckDelay = 1
	if !want.sameEngine(again) || want.sameEngine(defaultSettings()) {
		t.Error("what an engine is made with is told wrongly")
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
	defaults := reflect.ValueOf(defaultSettings())
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
	if slices.Sort(commands); !slices.Equal(commands, sortedKeys(s.commands)) {
		t.Errorf("the table of commands has %q, the code has %q", commands, sortedKeys(s.commands))
	}
	for name := range s.methods {
		if strings.HasPrefix(name, "anvil/") && !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("%s is not documented", name)
		}
	}
	if typ := reflect.TypeFor[Status](); true {
		for i := range typ.NumField() {
			if name := typ.Field(i).Tag.Get("json"); !strings.Contains(doc, "`"+name+"`") {
				t.Errorf("the field %s of anvil/status is not documented", name)
			}
		}
	}
}
