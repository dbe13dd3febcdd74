package fake

import (
	"encoding/json"
	"strings"
)

// masked stands in the journal where a secret was.
const masked = "[masked]"

// secrets are the names, in lower case, whose values the journal never shows.
type secrets map[string]bool

func newSecrets(names []string) secrets {
	s := secrets{}
	for _, n := range append([]string{
		"token", "access_token", "accesstoken", "refresh_token", "password", "secret",
		"consumer_key", "consumer_secret", "api_key", "apikey", "pin", "cvv", "card_number",
	}, names...) {
		s[strings.ToLower(n)] = true
	}
	return s
}

// body masks a body by its content type and cuts it to what the journal keeps.
func (s secrets) body(contentType, body string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "multipart/form-data":
		return "[multipart body]"
	case "application/x-www-form-urlencoded":
		if t := strings.TrimSpace(body); !strings.HasPrefix(t, "{") { // some clients label JSON as a form
			return cut(s.form(body))
		}
	}
	return cut(s.json(body))
}

func cut(s string) string {
	if len(s) > journalBody {
		return s[:journalBody] + "...[cut]"
	}
	return s
}

// form masks the values of a query or a form body.
func (s secrets) form(in string) string {
	if in == "" {
		return ""
	}
	parts := strings.Split(in, "&")
	for i, p := range parts {
		name, _, found := strings.Cut(p, "=")
		if found && s[strings.ToLower(name)] {
			parts[i] = name + "=" + masked
		}
	}
	return strings.Join(parts, "&")
}

// json masks the values of secret keys at any depth. It works on the text, so
// that everything else stays as it came and broken JSON is covered too.
func (s secrets) json(in string) string {
	var out strings.Builder
	last := 0 // everything before it is in out already
	for i := 0; i < len(in); {
		if in[i] != '"' {
			i++
			continue
		}
		end := stringEnd(in, i)
		name := in[i:end]
		value := skipSpace(in, end)
		i = end
		if value >= len(in) || in[value] != ':' || !s.has(name) {
			continue
		}
		from := skipSpace(in, value+1)
		to := valueEnd(in, from)
		if to == from {
			continue
		}
		out.WriteString(in[last:from])
		out.WriteString(`"` + masked + `"`)
		last, i = to, to
	}
	if last == 0 {
		return in
	}
	out.WriteString(in[last:])
	return out.String()
}

// has takes a quoted name as it stands in the text.
func (s secrets) has(quoted string) bool {
	name := strings.Trim(quoted, `"`)
	if strings.Contains(name, `\`) {
		_ = json.Unmarshal([]byte(quoted), &name) // a broken escape names no secret
	}
	return s[strings.ToLower(name)]
}

// stringEnd is the index behind the string literal that begins at i.
func stringEnd(in string, i int) int {
	for i++; i < len(in); i++ {
		switch in[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(in)
}

func skipSpace(in string, i int) int {
	for i < len(in) && strings.IndexByte(" \t\r\n", in[i]) >= 0 {
		i++
	}
	return i
}

// valueEnd is the index behind the JSON value that begins at i: a string, a
// number or word, or a whole object or list.
func valueEnd(in string, i int) int {
	depth := 0
	for i < len(in) {
		switch in[i] {
		case '"':
			i = stringEnd(in, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return i
}
