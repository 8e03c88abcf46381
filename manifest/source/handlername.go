package source

import (
	"regexp"
	"strings"
)

// literalEnd is what the compiler puts behind the name of the function around a function literal.
var literalEnd = regexp.MustCompile(`\.(?:func\d+(?:\.\d+)*|(?:\d+\.?)+)$`)

// SameHandler reports whether the name of a handler in the source may be that of a live one. Of
// function literals only the function around them counts: their numbers change with others, and the
// compiler names one after a caller if it has copied the function around it there,
// handlers.AnvilRegisterRoutes.health.func4 for handlers.health.func1.
func SameHandler(name, live string) bool {
	if name == live {
		return true
	}
	_, in, _ := strings.Cut(name, ".") // the caller may be in another package
	return literalEnd.MatchString(in) && literalEnd.MatchString(live) &&
		strings.HasSuffix(literalEnd.ReplaceAllString(live, ""), "."+literalEnd.ReplaceAllString(in, ""))
}
