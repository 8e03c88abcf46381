package markup

import "testing"

func TestHTML(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"paragraphs", "one\r\ntwo\n\nthree", "<p>one\ntwo</p>\n<p>three</p>\n"},
		{"heading", "## Title\ntext", "<h2>Title</h2>\n<p>text</p>\n"},
		{"list", "- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"},
		{"quote", "> said", "<blockquote><p>said</p></blockquote>\n"},
		{"code block", "    if a < b {\n        *p = 1", "<pre><code>if a &lt; b {\n    *p = 1</code></pre>\n"},
		{"inline", "**b** *e* `*c*` `open", "<p><strong>b</strong> <em>e</em> <code>*c*</code> `open</p>\n"},
		{"stars alone", "2 * 3 * 4", "<p>2 * 3 * 4</p>\n"},
		{"link", "[Go](https://go.dev/?a=1&b=2)", `<p><a href="https://go.dev/?a=1&amp;b=2" rel="nofollow ugc">Go</a></p>` + "\n"},
		{"hostile link", "[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"},
		{"hostile quote", `[x](https://a"onclick=b)`, `<p><a href="https://a&#34;onclick=b" rel="nofollow ugc">x</a></p>` + "\n"},
		{"hostile tag", "<script>", "<p>&lt;script&gt;</p>\n"},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(HTML(tt.src)); got != tt.want {
				t.Errorf("HTML(%q)\n got %q\nwant %q", tt.src, got, tt.want)
			}
		})
	}
}

func TestLead(t *testing.T) {
	if got, want := string(Lead("\n\nfirst\n\nsecond")), "<p>first</p>\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
