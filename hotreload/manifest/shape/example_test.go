package shape

import (
	"context"
	"reflect"
	"testing"
	"time"
)

type exampleAuthor struct {
	Name  string
	Email *string `json:"email,omitempty"`
}

type examplePage struct {
	Limit int `query:"limit"`
}

type exampleNode struct {
	Text     string         `json:"text"`
	Children []*exampleNode `json:"children"`
}

func TestExampleOf(t *testing.T) {
	const here = "github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	for _, tt := range []struct {
		name    string
		handler any
		want    Example
	}{
		{"body and query", func(*context.Context, struct {
			ID   int    `path:"id"`
			Name string `json:"name"`
			Loud bool   `query:"loud"`
		}) (int, error) {
			return 0, nil
		}, Example{"loud=false", "{\n  \"name\": \"\"\n}"}},
		{"query alone, with a name to escape", func(*context.Context, struct {
			A string `query:"a b"`
			N uint8  `query:"n"`
			L []int  `query:"l"`
		}) (int, error) {
			return 0, nil
		}, Example{"a+b=&n=0&l=", ""}},
		{"path alone", func(*context.Context, struct {
			ID string `path:"id"`
		}) (int, error) {
			return 0, nil
		}, Example{}},
		{"nested, embedded, hidden and private", func(*context.Context, struct {
			examplePage
			exampleAuthor
			Tags    []string `json:"tags"`
			At      time.Time
			By      *exampleAuthor `json:"by"`
			Data    []byte         `json:"data"`
			Other   map[string]int `json:"other"`
			Any     any            `json:"any"`
			Skipped string         `json:"-"`
			private int
		}) (int, error) {
			return 0, nil
		}, Example{"limit=0", "{\n  \"Name\": \"\",\n  \"email\": \"\",\n  \"tags\": [\n    \"\"\n  ],\n  \"At\": \"2006-01-02T15:04:05Z\",\n" +
			"  \"by\": {\n    \"Name\": \"\",\n    \"email\": \"\"\n  },\n  \"data\": \"\",\n  \"other\": {},\n  \"any\": null\n}"}},
		{"a type of a host package", func(*context.Context, time.Time) (int, error) { return 0, nil }, Example{}},
		{"no typed handler", func(int) {}, Example{}},
		{"no function", 1, Example{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ExampleOf(NewReflector([]string{here}).Of(reflect.TypeOf(tt.handler))); got != tt.want {
				t.Errorf("got %+v\nwant %+v", got, tt.want)
			}
		})
	}
	t.Run("a type that holds itself ends", func(t *testing.T) {
		got := ExampleOf(NewReflector([]string{here}).Of(reflect.TypeFor[func(*context.Context, exampleNode) (int, error)]()))
		if got.Body == "" || len(got.Body) > 1000 {
			t.Errorf("got %q", got.Body)
		}
	})
	for _, broken := range []string{"", "func(", "func(a, named struct{", "func(a, ^7) (b, error)"} {
		if got := ExampleOf(broken); got != (Example{}) {
			t.Errorf("of %q: %+v", broken, got)
		}
	}
}
