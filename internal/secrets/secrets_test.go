// Package secrets_test holds the test that nothing prints a secret. It plants a
// secret in every text field of every exported Config and of sdk.Error, hands
// the value to every encoder, and searches for the secret in what comes out.
//
// A new field is covered by itself. A new exported Config needs a row in the
// table: the test names each Config that has none.
package secrets_test

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

const (
	root   = "../.."
	module = "github.com/kapiteni/kapiten-go"
)

// row is a type that holds secrets. It must print as its name and "{...}".
type row struct {
	name string
	new  func(*planter) any // a pointer to a value with planted secrets
}

func rows() []row {
	return []row{
		configRow[bitpesa.Config]("bitpesa.Config"),
		configRow[kapiten.Config]("kapiten.Config"),
		configRow[kasapay.Config]("kasapay.Config"),
		configRow[kotani.Config]("kotani.Config"),
		configRow[kotani.FiatConnectConfig]("kotani.FiatConnectConfig"),
		configRow[kpay.Config]("kpay.Config"),
		configRow[bitpesatest.Config]("bitpesatest.Config"),
		configRow[kasapaytest.Config]("kasapaytest.Config"),
		configRow[kotanitest.Config]("kotanitest.Config"),
		configRow[kpaytest.Config]("kpaytest.Config"),
		{"webhook.Config", func(p *planter) any {
			return &webhook.Config[kpay.Payment]{Auth: webhook.AllOf(authenticators(p)...)}
		}},
		configRow[kotani.Credentials]("kotani.Credentials"),
		configRow[webhook.BitPesaKey]("webhook.BitPesaKey"),
	}
}

// withoutSecrets are the exported Configs that take no secret.
var withoutSecrets = map[string]string{
	"kapitentest.Config":           "tokens are minted by the fake",
	"kapiten.PricingConfig":        "prices only",
	"journal.Config":               "clients and databases hold the credentials",
	"journal.FlowConfig":           "numbers and times only",
	"kotanitest.FiatConnectConfig": "wallets log in with signatures",
	"sim.Config":                   "seeds, odds and bounds only",
	"webhook.CapabilityConfig":     "the keys are arguments of NewCapabilities",
	"webhook.MemoryInboxConfig":    "bounds and a clock",
	"webhook.ReconcilerConfig":     "the handler keeps its secrets in closures",
	"webhook.SignatureConfig":      "the secrets are arguments of Signature",
}

func configRow[T any](name string) row {
	return row{name, func(p *planter) any {
		value := new(T)
		p.plant(reflect.ValueOf(value).Elem(), name, 0)
		return value
	}}
}

// authenticators returns one of each kind that keeps a secret.
func authenticators(p *planter) []webhook.Authenticator {
	key := webhook.BitPesaKey{Key: p.secret("BitPesaKey.Key"), Secret: p.secret("BitPesaKey.Secret")}
	return []webhook.Authenticator{
		webhook.PathSecret(p.secret("PathSecret")),
		webhook.QuerySecret("key", p.secret("QuerySecret")),
		webhook.BasicAuth("provider", p.secret("BasicAuth")),
		webhook.KotaniV3Signature(p.secret("KotaniV3Signature")),
		webhook.AnyOf(webhook.PathSecret(p.secret("AnyOf"))),
		webhook.BitPesaSignature("https://merchant.example/bitpesa", key),
	}
}

func TestNoEncoderOfAConfigShowsASecret(t *testing.T) {
	for _, row := range rows() {
		t.Run(row.name, func(t *testing.T) {
			var p planter
			value := row.new(&p)
			require.NotEmpty(t, p.planted)
			p.refuse(t, encodings(value), row.name+"{...}")
		})
	}
}

func TestEveryExportedConfigIsHeldAgainstTheRule(t *testing.T) {
	known := map[string]bool{}
	for _, row := range rows() {
		if strings.HasSuffix(row.name, "Config") {
			known[row.name] = true
		}
	}
	found := exportedConfigs(t)
	assert.NotEmpty(t, found)
	for _, name := range found {
		if reason := withoutSecrets[name]; reason == "" {
			assert.True(t, known[name], "%s: give it a row, or say why it takes no secret", name)
		}
		delete(known, name)
	}
	assert.Empty(t, known, "rows of types that no longer exist")
}

// TestNoEncoderOfAnErrorShowsASecret plants secrets in all that a provider or a
// merchant may put into an Error, except in the fields that exist to be shown.
func TestNoEncoderOfAnErrorShowsASecret(t *testing.T) {
	shown := map[string]bool{
		"Provider": true, "Operation": true, // constants of this module
		"Code": true, "Reference": true, "RequestID": true, // what support asks for
	}
	for _, outcome := range []sdk.Outcome{sdk.Unknown, sdk.NotSent, sdk.Rejected, sdk.NoEffect} {
		for _, status := range []int{0, 422} {
			var p planter
			failed := &sdk.Error{Provider: "kpay", Operation: "pay", Outcome: outcome, StatusCode: status}
			value := reflect.ValueOf(failed).Elem()
			for i := range value.NumField() {
				if name := value.Type().Field(i).Name; !shown[name] {
					p.plant(value.Field(i), name, 0)
				}
			}
			failed.Cause = errors.New(p.secret("Cause"))
			failed.Reasons = []error{sdk.ErrDuplicate, nil} // only this module puts reasons in
			failed.Detail = struct{ Password string }{p.secret("Detail")}
			if outcome == sdk.NotSent && status == 0 {
				// The client's own words about a parameter are shown. They hold no value.
				failed.Fields = map[string][]string{"amount": {"must be positive"}}
			} else {
				failed.Fields = map[string][]string{"amount": {p.secret("Fields")}}
			}
			all := encodings(failed)
			all["Error"] = failed.Error()
			all["wrapped"] = fmt.Errorf("order 7: %w", failed).Error()
			all["joined"] = errors.Join(failed, failed).Error()
			p.refuse(t, all, "kpay: pay")
		}
	}
}

// TestTheSearchFindsWhatIsNotHidden proves that the other tests can fail.
func TestTheSearchFindsWhatIsNotHidden(t *testing.T) {
	type open struct {
		Password string
		Key      []byte
		List     []string
		ByName   map[string]struct{ Secret string }
		Nested   *struct{ Secret string }
	}
	var p planter
	var value open
	p.plant(reflect.ValueOf(&value).Elem(), "open", 0)
	require.Len(t, p.planted, 6)
	for encoder, text := range encodings(&value) {
		if strings.HasPrefix(encoder, "fmt") || strings.Contains(encoder, "JSON") {
			assert.NotEmpty(t, p.leaks(text), encoder)
		}
	}
	inJSON, err := json.Marshal(value)
	require.NoError(t, err)
	for _, text := range []string{string(inJSON), fmt.Sprintf("%v %x", value, *value.Nested), fmt.Sprintf("%#v %X", value, *value.Nested)} {
		assert.Len(t, p.leaks(text), len(p.planted), "%s", text)
	}
}

// planter fills values with secrets, each of its own.
type planter struct{ planted []string }

func (p *planter) secret(where string) string {
	// Of three bytes a group, so that base64 has one form of it.
	text := fmt.Sprintf("planted-%03d-in-%s", len(p.planted), strings.Map(letters, where))
	text += strings.Repeat("_", (3-len(text)%3)%3)
	p.planted = append(p.planted, text)
	return text
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return '-'
}

// plant puts a secret into every text below v that can be set.
func (p *planter) plant(v reflect.Value, where string, depth int) {
	if !v.CanSet() || depth > 8 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(p.secret(where))
	case reflect.Pointer:
		if ours(v.Type().Elem()) {
			v.Set(reflect.New(v.Type().Elem()))
			p.plant(v.Elem(), where, depth+1)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(p.secret(where)))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		p.plant(v.Index(0), where, depth+1)
	case reflect.Array:
		for i := range v.Len() {
			p.plant(v.Index(i), where, depth+1)
		}
	case reflect.Map:
		key, element := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		p.plant(key, where+"-key", depth+1)
		p.plant(element, where, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, element)
	case reflect.Struct:
		if ours(v.Type()) {
			for i := range v.NumField() {
				p.plant(v.Field(i), where+"-"+v.Type().Field(i).Name, depth+1)
			}
		}
	}
}

// ours tells this module's types from those of others, such as http.Client.
func ours(t reflect.Type) bool {
	return t.PkgPath() == "" || strings.HasPrefix(t.PkgPath(), module)
}

// leaks names the planted secrets that text holds, in any common form.
func (p *planter) leaks(text string) []string {
	var found []string
	for _, secret := range p.planted {
		for _, form := range []string{
			secret,
			hex.EncodeToString([]byte(secret)),
			strings.ToUpper(hex.EncodeToString([]byte(secret))),
			base64.StdEncoding.EncodeToString([]byte(secret)),
			strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
			strings.TrimPrefix(fmt.Sprintf("%#v", []byte(secret)), "[]byte"),
		} {
			if strings.Contains(text, form) {
				found = append(found, secret)
				break
			}
		}
	}
	return found
}

// refuse fails when a text holds a planted secret or does not hold want. It lists
// the encoders and shows the worst text in full.
func (p *planter) refuse(t *testing.T, encodings map[string]string, want string) {
	t.Helper()
	var bad []string
	for encoder, text := range encodings {
		if len(p.leaks(text)) > 0 || !strings.Contains(text, want) {
			bad = append(bad, encoder)
		}
	}
	if len(bad) > 0 {
		slices.SortFunc(bad, func(a, b string) int { // the worst first
			return cmp.Or(len(p.leaks(encodings[b]))-len(p.leaks(encodings[a])), strings.Compare(a, b))
		})
		t.Errorf("%d of %d encoders show a secret, or not %q: %s\n%s shows %v: %s",
			len(bad), len(encodings), want, strings.Join(bad, ", "), bad[0], p.leaks(encodings[bad[0]]), encodings[bad[0]])
	}
}

// encodings prints pointer and what it points to in all the ways there are.
func encodings(pointer any) map[string]string {
	out := map[string]string{}
	value := reflect.ValueOf(pointer).Elem().Interface()
	for kind, v := range map[string]any{
		"value": value, "pointer": pointer,
		"in a struct": struct{ Config any }{value}, "in a map": map[string]any{"config": value},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
			out["fmt "+verb+" of "+kind] = fmt.Sprintf(verb, v)
		}
		encoded, err := json.Marshal(v)
		out["JSON of "+kind] = orError(encoded, err)
		if m, ok := v.(encoding.TextMarshaler); ok {
			encoded, err := m.MarshalText()
			out["text of "+kind] = orError(encoded, err)
		}
		for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
			"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			"slog JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(handler(&b)).Info("shown", "it", v, slog.Group("in", "it", v))
			out[name+" of "+kind] = b.String()
		}
	}
	return out
}

func orError(text []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// exportedConfigs lists the types of public packages whose names end in Config.
func exportedConfigs(t *testing.T) []string {
	var names []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			switch entry.Name() {
			case ".git", ".ci", "internal", "examples", "testdata":
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			types, ok := declaration.(*ast.GenDecl)
			if !ok || types.Tok != token.TYPE {
				continue
			}
			for _, spec := range types.Specs {
				if name := spec.(*ast.TypeSpec).Name.Name; ast.IsExported(name) && strings.HasSuffix(name, "Config") {
					names = append(names, file.Name.Name+"."+name)
				}
			}
		}
		return nil
	})
	require.NoError(t, err)
	return names
}

// TestNoConstructorTakesWhatAFileAddsToASecret asks every constructor that takes a
// credential.
func TestNoConstructorTakesWhatAFileAddsToASecret(t *testing.T) {
	const good = "planted-Secret-0123456789"
	verify := func(a webhook.Authenticator) error {
		_, err := webhook.Verify(httptest.NewRequest(http.MethodPost, "/", nil), nil, a)
		if errors.Is(err, webhook.ErrConfiguration) {
			return err
		}
		return nil
	}
	const url = "https://api.example"
	constructors := map[string]func(secret string) error{
		"kpay user": func(s string) error {
			_, err := kpay.New(kpay.Config{BaseURL: url, Username: s, Password: good})
			return err
		},
		"kpay password": func(s string) error {
			_, err := kpay.New(kpay.Config{BaseURL: url, Username: good, Password: s})
			return err
		},
		"kpay key": func(s string) error {
			_, err := kpay.New(kpay.Config{BaseURL: url, Username: good, Password: good, APIKey: s})
			return err
		},
		"kasapay key": func(s string) error {
			_, err := kasapay.New(kasapay.Config{BaseURL: url, ConsumerKey: s, ConsumerSecret: good})
			return err
		},
		"kasapay secret": func(s string) error {
			_, err := kasapay.New(kasapay.Config{BaseURL: url, ConsumerKey: good, ConsumerSecret: s})
			return err
		},
		"bitpesa key": func(s string) error {
			_, err := bitpesa.New(bitpesa.Config{BaseURL: url, Key: s, Secret: good})
			return err
		},
		"bitpesa secret": func(s string) error {
			_, err := bitpesa.New(bitpesa.Config{BaseURL: url, Key: good, Secret: s})
			return err
		},
		"kapiten token": func(s string) error { _, err := kapiten.New(kapiten.Config{BaseURL: url, Token: s}); return err },
		"kotani password": func(s string) error {
			_, err := kotani.New(kotani.Config{BaseURL: url, PhoneNumber: "254712345678", CountryCode: "KEN", Password: s})
			return err
		},
		"kotani country": func(s string) error {
			_, err := kotani.New(kotani.Config{BaseURL: url, PhoneNumber: "254712345678", CountryCode: s, Password: good})
			return err
		},
		"fiatconnect key": func(s string) error {
			_, err := kotani.New(kotani.Config{BaseURL: url, FiatConnect: kotani.FiatConnectConfig{APIKey: s}})
			return err
		},
		"webhook path":      func(s string) error { return verify(webhook.PathSecret(s)) },
		"webhook query":     func(s string) error { return verify(webhook.QuerySecret("s", s)) },
		"webhook user":      func(s string) error { return verify(webhook.BasicAuth(s, good)) },
		"webhook password":  func(s string) error { return verify(webhook.BasicAuth("user", s)) },
		"webhook kotani v3": func(s string) error { return verify(webhook.KotaniV3Signature(s)) },
		"webhook bitpesa": func(s string) error {
			return verify(webhook.BitPesaSignature(url, webhook.BitPesaKey{Key: "key", Secret: s}))
		},
		"webhook bitpesa key": func(s string) error {
			return verify(webhook.BitPesaSignature(url, webhook.BitPesaKey{Key: s, Secret: good}))
		},
	}
	for name, try := range constructors {
		assert.NoError(t, try(good), name)
		for _, odd := range []string{"\n", "\r\n", " ", "\t", "\u00a0", "\u0085", "\u2028", "\u3000", "\x00", "\x1c", "\x7f", "\ufeff"} {
			for _, secret := range []string{good + odd, odd + good} {
				err := try(secret)
				if assert.Error(t, err, "%s %q", name, secret) {
					assert.NotContains(t, err.Error(), good, name)
				}
			}
		}
	}
}
