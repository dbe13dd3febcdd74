package transport_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestRouteOverrides(t *testing.T) {
	for name, row := range map[string]struct {
		op    string
		route sdk.Route
		want  string // the request line, or the error if it begins with "acme:"
	}{
		"nothing":                     {"item", sdk.Route{}, "GET /shops/s1/items/i1/"},
		"another method":              {"item", sdk.Route{Method: "POST"}, "POST /shops/s1/items/i1/"},
		"another path":                {"item", sdk.Route{Path: "/v3/{shop_id}/{item_id}"}, "GET /v3/s1/i1"},
		"placeholders in other order": {"item", sdk.Route{Path: "/{item_id}/of/{shop_id}/"}, "GET /i1/of/s1/"},
		"one placeholder less":        {"item", sdk.Route{Path: "/items/{item_id}"}, "GET /items/i1"},
		"no placeholder":              {"item", sdk.Route{Path: "/items/"}, "GET /items/"},
		"placeholder within a segment": {"item", sdk.Route{Path: "/items/{shop_id}-{item_id}.json"},
			"GET /items/s1-i1.json"},
		"root":                   {"safe", sdk.Route{Path: "/"}, "GET /"},
		"escaped literal":        {"safe", sdk.Route{Path: "/a%2Fb"}, "GET /a%2Fb"},
		"letters beyond ASCII":   {"safe", sdk.Route{Path: "/é"}, `acme: Routes: route for safe: path "/é" is not well escaped`},
		"a quotation mark":       {"safe", sdk.Route{Path: `/"`}, `acme: Routes: route for safe: path "/\"" is not well escaped`},
		"an escape of letters":   {"safe", sdk.Route{Path: "/a%g1"}, `acme: Routes: route for safe: path "/a%g1" is not well escaped`},
		"an escape and a letter": {"safe", sdk.Route{Path: "/a%1g"}, `acme: Routes: route for safe: path "/a%1g" is not well escaped`},
		"half an escape":         {"safe", sdk.Route{Path: "/a%2"}, `acme: Routes: route for safe: path "/a%2" is not well escaped`},
		"unknown placeholder":    {"item", sdk.Route{Path: "/{user_id}"}, `acme: Routes: route for item: path uses {user_id}, which the operation does not have`},
		"placeholder twice":      {"item", sdk.Route{Path: "/{item_id}/{item_id}"}, `acme: Routes: route for item: path "/{item_id}/{item_id}" names {item_id} twice`},
		"unknown operation":      {"items", sdk.Route{Path: "/"}, `acme: Routes: route for unknown operation "items"`},
		"lower-case method":      {"item", sdk.Route{Method: "post"}, `acme: Routes: route for item: invalid method "post"`},
		"method with a line end": {"item", sdk.Route{Method: "GET /\r\n"}, `acme: Routes: route for item: invalid method "GET /\r\n"`},
		"no slash":               {"safe", sdk.Route{Path: "x"}, `acme: Routes: route for safe: path "x" does not start with a slash`},
		"a URL":                  {"safe", sdk.Route{Path: "https://evil.example/"}, `acme: Routes: route for safe: path "https://evil.example/" does not start with a slash`},
		"a host":                 {"safe", sdk.Route{Path: "//evil.example/x"}, `acme: Routes: route for safe: path "//evil.example/x" holds an empty segment`},
		"an empty segment":       {"safe", sdk.Route{Path: "/a//b"}, `acme: Routes: route for safe: path "/a//b" holds an empty segment`},
		"two slashes at the end": {"safe", sdk.Route{Path: "/a//"}, `acme: Routes: route for safe: path "/a//" holds an empty segment`},
		"a query":                {"safe", sdk.Route{Path: "/a?b=c"}, `acme: Routes: route for safe: path "/a?b=c" holds a query, a fragment or a space`},
		"a fragment":             {"safe", sdk.Route{Path: "/a#b"}, `acme: Routes: route for safe: path "/a#b" holds a query, a fragment or a space`},
		"a backslash":            {"safe", sdk.Route{Path: `/a\b`}, `acme: Routes: route for safe: path "/a\\b" holds a query, a fragment or a space`},
		"a dot segment":          {"safe", sdk.Route{Path: "/a/../b"}, `acme: Routes: route for safe: path "/a/../b" holds a dot segment`},
		"a dot segment at last":  {"safe", sdk.Route{Path: "/a/."}, `acme: Routes: route for safe: path "/a/." holds a dot segment`},
		"an escaped dot segment": {"safe", sdk.Route{Path: "/a/%2E%2e/b"}, `acme: Routes: route for safe: path "/a/%2E%2e/b" holds a dot segment`},
		"half an escaped one":    {"safe", sdk.Route{Path: "/a/.%2e"}, `acme: Routes: route for safe: path "/a/.%2e" holds a dot segment`},
		"open brace":             {"safe", sdk.Route{Path: "/{a"}, `acme: Routes: route for safe: path "/{a": malformed placeholder`},
		"closing brace":          {"safe", sdk.Route{Path: "/a}"}, `acme: Routes: route for safe: path "/a}": malformed placeholder`},
		"slash in a placeholder": {"safe", sdk.Route{Path: "/{/}"}, `acme: Routes: route for safe: path "/{/}": malformed placeholder`},
		"brace in a placeholder": {"safe", sdk.Route{Path: "/{{a}"}, `acme: Routes: route for safe: path "/{{a}": malformed placeholder`},
		"empty placeholder":      {"safe", sdk.Route{Path: "/{}"}, `acme: Routes: route for safe: path "/{}": malformed placeholder`},
		"bad escape":             {"safe", sdk.Route{Path: "/%zz"}, `acme: Routes: route for safe: path "/%zz" is not well escaped`},
	} {
		t.Run(name, func(t *testing.T) {
			routes := map[string]sdk.Route{row.op: row.route}
			if strings.HasPrefix(row.want, "acme:") {
				_, err := transport.New(transport.Config{
					Provider: "acme", BaseURL: "https://acme.example", Interpret: interpret, Operations: operations, Routes: routes,
				})
				assert.EqualError(t, err, row.want)
				return
			}
			s := newFixture(t, accept)
			core := s.core(func(cfg *transport.Config) { cfg.Routes = routes })
			require.NoError(t, core.Do(t.Context(), callOf(row.op)))
			assert.Equal(t, row.want+"\n", lines(s.seen()))
		})
	}
	assert.Equal(t, "/shops/{shop_id}/items/{item_id}/", operations[6].Path, "the table itself is not changed")
}

func TestOperationShowsTheRowWithItsOverride(t *testing.T) {
	core := newCore(t, func(cfg *transport.Config) {
		cfg.Routes = map[string]sdk.Route{"once": {Method: "PUT", Path: "/v3/once"}}
	})
	op := core.Operation("once")
	assert.Equal(t, "PUT /v3/once", op.Method+" "+op.Path)
	assert.Equal(t, sdk.Once, op.Class, "an override does not make a write repeatable")
	assert.Equal(t, sdk.Operation{Name: "none"}, core.Operation("none"))
}

func TestTableIsChecked(t *testing.T) {
	good := sdk.Operation{Name: "a", Method: "GET", Path: "/a", Class: sdk.Safe}
	for name, change := range map[string]func(*sdk.Operation){
		"unknown class": func(op *sdk.Operation) { op.Class = 99 },
		"no method":     func(op *sdk.Operation) { op.Method = "" },
		"bad path":      func(op *sdk.Operation) { op.Path = "a" },
	} {
		bad := good
		change(&bad)
		_, err := transport.New(transport.Config{Provider: "acme", BaseURL: "https://acme.example", Interpret: interpret, Operations: transport.Table{bad}})
		assert.Error(t, err, name)
	}
	_, err := transport.New(transport.Config{Provider: "acme", BaseURL: "https://acme.example", Interpret: interpret, Operations: transport.Table{good, good}})
	assert.Error(t, err, "a name twice")
	_, err = transport.New(transport.Config{Provider: "acme", BaseURL: "https://acme.example", Interpret: interpret, Operations: transport.Table{good}})
	assert.NoError(t, err)
}

func TestCallOfAnUnknownOperationIsNotSent(t *testing.T) {
	err := newCore(t).Do(t.Context(), transport.Call{Op: "nonsense"})
	assert.EqualError(t, err, "acme: nonsense: invalid parameters: operation: is not in the operation table (nothing was sent)")
}

func TestPathValuesBecomeOneSegmentEach(t *testing.T) {
	for value, want := range map[string]string{
		"plain":          "plain",
		"a/b":            "a%2Fb",
		"a b":            "a%20b",
		"a?b#c":          "a%3Fb%23c",
		"a%2Fb":          "a%252Fb",
		"%2e%2e":         "%252e%252e",
		"../etc":         "..%2Fetc",
		"...":            "...",
		".a":             ".a",
		"ü":              "%C3%BC",
		"a;b,c":          "a%3Bb%2Cc",
		"@evil.example":  "@evil.example",
		"\\evil.example": "%5Cevil.example",
		":":              ":",
		"{shop_id}":      "%7Bshop_id%7D",
	} {
		s := newFixture(t, accept)
		call := callOf("item")
		call.Path = []string{value, "i1"}
		require.NoError(t, s.core().Do(t.Context(), call), value)
		assert.Equal(t, "/shops/"+want+"/items/i1/", s.seen()[0].URI)
	}
	for name, row := range map[string]struct {
		path []string
		want string
	}{
		"empty":    {[]string{"", "i1"}, "shop_id: is required"},
		"missing":  {[]string{"s1"}, "item_id: is required"},
		"one dot":  {[]string{".", "i1"}, "shop_id: must not be a dot segment"},
		"two dots": {[]string{"s1", ".."}, "item_id: must not be a dot segment"},
	} {
		s := newFixture(t)
		call := callOf("item")
		call.Path = row.path
		err := s.core().Do(t.Context(), call)
		assert.EqualError(t, err, "acme: item: invalid parameters: "+row.want+" (nothing was sent)", name)
		assert.ErrorIs(t, err, sdk.ErrNotSent)
	}
}

// An override can put two values, or a dot and a value, into one segment.
func TestValuesCannotMakeADotSegmentTogether(t *testing.T) {
	s := newFixture(t)
	core := s.core(func(cfg *transport.Config) {
		cfg.Routes = map[string]sdk.Route{"item": {Path: "/a/.{shop_id}/{item_id}"}}
	})
	call := callOf("item")
	for _, v := range []string{".", ".."} {
		call.Path = []string{v, "x"}
		assert.ErrorIs(t, core.Do(t.Context(), call), sdk.ErrValidation)
	}
	core = s.core(func(cfg *transport.Config) {
		cfg.Routes = map[string]sdk.Route{"item": {Path: "/a/{shop_id}."}}
	})
	call.Path = []string{".", "x"}
	assert.ErrorIs(t, core.Do(t.Context(), call), sdk.ErrValidation)
}

func TestRawCall(t *testing.T) {
	for name, row := range map[string]struct {
		raw  transport.Raw
		want string // request line, or the fault
	}{
		"read":             {transport.Raw{Method: "GET", Path: "/a/%2Fb/", Class: sdk.Safe}, "GET /a/%2Fb/"},
		"with a query":     {transport.Raw{Method: "GET", Path: "/a", Class: sdk.Safe, Call: transport.Call{Query: map[string][]string{"q": {"ü&"}}}}, "GET /a?q=%C3%BC%26"},
		"braces":           {transport.Raw{Method: "GET", Path: "/{a}", Class: sdk.Safe}, "path: must start with a slash, be well escaped and hold no query and no empty or dot segment"},
		"class left out":   {transport.Raw{Method: "PATCH", Path: "/a"}, "PATCH /a"},
		"another host":     {transport.Raw{Method: "GET", Path: "//evil.example/a", Class: sdk.Safe}, "path: must start with a slash, be well escaped and hold no query and no empty or dot segment"},
		"a URL":            {transport.Raw{Method: "GET", Path: "https://evil.example/a", Class: sdk.Safe}, "path: must start with a slash, be well escaped and hold no query and no empty or dot segment"},
		"no path":          {transport.Raw{Method: "GET", Class: sdk.Safe}, "path: must start with a slash, be well escaped and hold no query and no empty or dot segment"},
		"query in path":    {transport.Raw{Method: "GET", Path: "/a?b", Class: sdk.Safe}, "path: must start with a slash, be well escaped and hold no query and no empty or dot segment"},
		"climbing":         {transport.Raw{Method: "GET", Path: "/a/%2e%2E/b", Class: sdk.Safe}, "path: must start with a slash, be well escaped and hold no query and no empty or dot segment"},
		"bad escape":       {transport.Raw{Method: "GET", Path: "/%", Class: sdk.Safe}, "path: must start with a slash, be well escaped and hold no query and no empty or dot segment"},
		"bad method":       {transport.Raw{Method: "get", Path: "/", Class: sdk.Safe}, "method: must be upper-case letters"},
		"all at once":      {transport.Raw{Path: "x", Class: sdk.Keyed}, "idempotency_key: is required for a keyed operation and forbidden for all others; method: must be upper-case letters; path: must start with a slash, be well escaped and hold no query and no empty or dot segment"},
		"key for no keyed": {transport.Raw{Method: "POST", Path: "/", Class: sdk.Once, Call: transport.Call{Key: "k"}}, "idempotency_key: is required for a keyed operation and forbidden for all others"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, ok := strings.Cut(row.want, ": "); ok {
				err := newFixture(t).core().DoRaw(t.Context(), row.raw)
				assert.EqualError(t, err, "acme: do: invalid parameters: "+row.want+" (nothing was sent)")
				return
			}
			s := newFixture(t, accept)
			require.NoError(t, s.core().DoRaw(t.Context(), row.raw))
			assert.Equal(t, row.want+"\n", lines(s.seen()))
		})
	}
}

func TestRawCallWithoutAClassIsNotRepeated(t *testing.T) {
	s := newFixture(t, html(503))
	err := s.core().DoRaw(t.Context(), transport.Raw{Method: "GET", Path: "/a"})
	assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
	assert.Equal(t, sdk.Once, failure(t, err).Class)
}
