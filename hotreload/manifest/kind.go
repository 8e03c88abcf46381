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
