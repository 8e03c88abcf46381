package hotreload_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

// RenameIn is what the handler needs of the request.
type RenameIn struct {
	ID    int    `path:"id"`
	Draft bool   `query:"draft"`
	Title string `json:"title"`
}

// RenameOut is written as JSON.
type RenameOut struct {
	ID    int    `json:"id"`
	Title string `json:"title"`
	Draft bool   `json:"draft"`
}

func rename(_ *hotreload.Ctx, in RenameIn) (RenameOut, error) {
	if in.Title == "" {
		return RenameOut{}, hotreload.StatusErrorf(http.StatusUnprocessableEntity, "post %d needs a title", in.ID)
	}
	return RenameOut{in.ID, in.Title, in.Draft}, nil
}

// A typed handler gets its input as a struct and returns what becomes JSON.
func Example_typedHandler() {
	state := hotreload.NewLiveState(nil)
	err := state.Register(func(r *hotreload.RouteSink) { r.Put("/posts/{id}", rename) })
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, test := range []struct{ path, body string }{
		{"/posts/7?draft=true", `{"title": "Hello"}`},
		{"/posts/7", `{}`},
		{"/posts/seven", `{"title": "Hello"}`},
	} {
		w := httptest.NewRecorder()
		state.ServeHTTP(w, httptest.NewRequest(http.MethodPut, test.path, strings.NewReader(test.body)))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 {"id":7,"title":"Hello","draft":true}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"post 7 needs a title"}
	// 400 {"title":"Bad Request","status":400,"detail":"path parameter \"id\": \"seven\" is not a whole number"}
}
