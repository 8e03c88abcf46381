package manifest

// The kinds of handlers that a route can have, as [Route.Kind] names them.
const (
	KindHandler     = "http.Handler"
	KindHandlerFunc = "http.HandlerFunc"
	KindPlain       = "func(w, r)"
	KindPlainError  = "func(w, r) error"
	KindCtx         = "func(*Ctx) error"
	KindTyped       = "func(*Ctx, In) (Out, error)"
)

// AcceptedKinds tells whoever has something else what a handler is.
const AcceptedKinds = "a handler is an http.Handler, func(http.ResponseWriter, *http.Request), " +
	"func(http.ResponseWriter, *http.Request) error, func(*hotreload.Ctx) error or " +
	"func(*hotreload.Ctx, In) (Out, error) where In is a struct"
