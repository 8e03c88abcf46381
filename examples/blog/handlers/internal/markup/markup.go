// Package markup turns a small part of Markdown into safe HTML: headings,
// paragraphs, lists, quotes and indented code; **strong**, *emphasis*, `code`
// and [links](https://example.com).
package markup

import (
	"fmt"
	"html"
	"html/template"
	"iter"
	"regexp"
	"strings"
)

// HTML renders a whole text.
func HTML(src string) template.HTML {
	var b strings.Builder
	for kind, lines := range blocks(src) {
		write(&b, kind, lines)
	}
	return template.HTML(b.String())
}

// Lead renders the first block of a text, as a teaser.
func Lead(src string) template.HTML {
	var b strings.Builder
	for kind, lines := range blocks(src) {
		if kind != blank {
			write(&b, kind, lines)
			break
		}
	}
	return template.HTML(b.String())
}

type kind int

const (
	blank kind = iota
	paragraph
	heading
	item
	quote
	code
)

// marks begin a line of their kind, and are not part of its text.
func (k kind) mark() string { return [...]string{"", "", "## ", "- ", "> ", "    "}[k] }

func kindOf(line string) kind {
	for _, k := range []kind{heading, item, quote, code} {
		if strings.HasPrefix(line, k.mark()) {
			return k
		}
	}
	if strings.TrimSpace(line) == "" {
		return blank
	}
	return paragraph
}

func blocks(src string) iter.Seq2[kind, []string] {
	return runs(strings.Split(strings.ReplaceAll(src, "\r\n", "\n"), "\n"), kindOf)
}

// runs groups neighbours that have the same key.
func runs[T any, K comparable](items []T, key func(T) K) iter.Seq2[K, []T] {
	return func(yield func(K, []T) bool) {
		for start := 0; start < len(items); {
			k, end := key(items[start]), start+1
			for end < len(items) && key(items[end]) == k {
				end++
			}
			if !yield(k, items[start:end]) {
				return
			}
			start = end
		}
	}
}

func write(b *strings.Builder, k kind, lines []string) {
	text := make([]string, len(lines))
	for i, line := range lines {
		text[i] = html.EscapeString(strings.TrimPrefix(line, k.mark()))
		if k != code {
			text[i] = inline(text[i])
		}
	}
	switch k {
	case paragraph:
		fmt.Fprintf(b, "<p>%s</p>\n", strings.Join(text, "\n"))
	case heading:
		fmt.Fprintf(b, "<h2>%s</h2>\n", strings.Join(text, "<br>"))
	case item:
		fmt.Fprintf(b, "<ul>\n<li>%s</li>\n</ul>\n", strings.Join(text, "</li>\n<li>"))
	case quote:
		fmt.Fprintf(b, "<blockquote><p>%s</p></blockquote>\n", strings.Join(text, "\n"))
	case code:
		fmt.Fprintf(b, "<pre><code>%s</code></pre>\n", strings.Join(text, "\n"))
	}
}

var (
	strong   = regexp.MustCompile(`\*\*(\S(?:.*?\S)?)\*\*`)
	emphasis = regexp.MustCompile(`\*(\S(?:.*?\S)?)\*`)
	link     = regexp.MustCompile(`\[([^\[\]]+)\]\((https?://[^\s()]+)\)`)
)

// inline marks up escaped text. What stands between backquotes is left alone.
func inline(text string) string {
	parts := strings.Split(text, "`")
	for i, part := range parts {
		switch {
		case i%2 == 0:
			part = strong.ReplaceAllString(part, "<strong>$1</strong>")
			part = emphasis.ReplaceAllString(part, "<em>$1</em>")
			parts[i] = link.ReplaceAllString(part, `<a href="$2" rel="nofollow ugc">$1</a>`)
		case i < len(parts)-1:
			parts[i] = "<code>" + part + "</code>"
		default: // no closing one
			parts[i] = "`" + part
		}
	}
	return strings.Join(parts, "")
}
