package kotanitest

import (
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
)

const (
	siweHead = "example.com:80 wants you to sign in with your Ethereum account:\n0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\n\n"
	siweTail = "\nURI: https://example.com:80/auth/login\nVersion: 1\nChain ID: 44787\nNonce: 12345678\nIssued At: 2026-04-03T09:00:00.5Z\nExpiration Time: 2026-04-03T11:00:00+02:00"
)

func TestParseSIWE(t *testing.T) {
	t.Parallel()
	want := siweMessage{
		domain: "example.com:80", address: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", uri: "https://example.com:80/auth/login",
		version: "1", chainID: 44787, nonce: "12345678",
	}
	for name, tc := range map[string]struct {
		text   string
		change func(*siweMessage)
	}{
		"no statement":           {siweHead + siweTail, func(*siweMessage) {}},
		"FiatConnect's template": {siweHead + siweTail[1:], func(*siweMessage) {}},
		"statement":              {siweHead + "Grüße & welcome\n" + siweTail, func(m *siweMessage) { m.statement = "Grüße & welcome" }},
		"scheme":                 {"https://" + siweHead + siweTail, func(m *siweMessage) { m.scheme = "https" }},
		"request id":             {siweHead + siweTail + "\nRequest ID: a b", func(m *siweMessage) { m.requestID = "a b" }},
		"not before and resources": {siweHead + siweTail + "\nNot Before: 2026-04-03T09:00:00Z\nResources:\n- a://b\n- https://c", func(m *siweMessage) {
			m.notBefore = time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC)
			m.resources = []string{"a://b", "https://c"}
		}},
		"no resources": {siweHead + siweTail + "\nResources:", func(*siweMessage) {}},
	} {
		m, err := parseSIWE(tc.text)
		require.NoError(t, err, name)
		assert.WithinDuration(t, time.Date(2026, 4, 3, 9, 0, 0, 500_000_000, time.UTC), m.issuedAt, 0)
		assert.WithinDuration(t, time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC), m.expiration, 0)
		w := want
		tc.change(&w)
		m.issuedAt, m.expiration = time.Time{}, time.Time{}
		assert.Equal(t, w, m, name)
	}
}

func TestParseSIWERefuses(t *testing.T) {
	t.Parallel()
	good := siweHead + "Hello\n" + siweTail
	_, err := parseSIWE(good)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"nothing":              "",
		"other greeting":       strings.Replace(good, "Ethereum", "Bitcoin", 1),
		"no domain":            strings.Replace(good, "example.com:80 wants", " wants", 1),
		"empty scheme":         "://" + good,
		"user in the domain":   "a@" + good,
		"path in the domain":   strings.Replace(good, ":80 wants", "/x wants", 1),
		"short address":        strings.Replace(good, "BeAed\n", "BeAe\n", 1),
		"address without 0x":   strings.Replace(good, "0x5aAe", "5aAe", 1),
		"address no hex":       strings.Replace(good, "0x5aAe", "0x5aAg", 1),
		"no line before":       strings.Replace(good, "\n\nHello", "\nHello", 1),
		"no line after":        strings.Replace(good, "Hello\n\n", "Hello\n", 1),
		"two statements":       strings.Replace(good, "Hello", "Hello\nHello", 1),
		"relative URI":         strings.Replace(good, "https://example", "/example", 1),
		"no URI":               strings.Replace(good, "URI: ", "URL: ", 1),
		"no version":           strings.Replace(good, "Version: 1\n", "", 1),
		"signed chain":         strings.Replace(good, "44787", "+44787", 1),
		"endless chain":        strings.Replace(good, "44787", strings.Repeat("4", 30), 1),
		"short nonce":          strings.Replace(good, "12345678", "1234567", 1),
		"nonce with a dash":    strings.Replace(good, "12345678", "1234-5678", 1),
		"date only":            strings.Replace(good, "T09:00:00.5Z", "", 1),
		"no expiration":        strings.Replace(good, "\nExpiration Time: 2026-04-03T11:00:00+02:00", "", 1),
		"order":                strings.Replace(good, "Version: 1\nChain ID: 44787", "Chain ID: 44787\nVersion: 1", 1),
		"carriage returns":     strings.ReplaceAll(good, "\n", "\r\n"),
		"newline at the end":   good + "\n",
		"rubbish at the end":   good + "\nx",
		"resource without -":   good + "\nResources:\na://b",
		"relative resource":    good + "\nResources:\n- b",
		"options out of order": good + "\nRequest ID: 1\nNot Before: 2026-04-03T09:00:00Z",
		"no UTF-8":             strings.Replace(good, "Hello", "H\xff", 1),
		"a null":               strings.Replace(good, "Hello", "H\x00", 1),
		"endless":              strings.Replace(good, "Hello", strings.Repeat("x", 1<<20), 1),
	} {
		_, err := parseSIWE(text)
		assert.ErrorIs(t, err, errSIWE, name)
	}
}

// SignText signs any text, which SignMessage refuses to.
func SignText(s *Signer, text string) string { return "0x" + hex.EncodeToString(s.sign([]byte(text))) }

// What the parser takes, it takes whole: every part of it stands in the text,
// and what the client would write is always taken.
func FuzzParseSIWE(f *testing.F) {
	f.Add(siweHead + siweTail)
	f.Add(siweHead + siweTail[1:])
	f.Add("https://" + siweHead + "Hello\n" + siweTail + "\nNot Before: 2026-04-03T09:00:00Z\nRequest ID: 1\nResources:\n- a://b")
	f.Add(strings.Repeat("\n", 20))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseSIWE(text)
		if c, clientErr := kotani.ParseSIWEMessage(text); clientErr == nil {
			if err != nil {
				if isURI(c.URI) {
					t.Fatalf("refused the client's %q", text)
				}
				return
			}
			if c.Domain != m.domain || c.Nonce != m.nonce || c.ChainID != m.chainID || c.Statement != m.statement ||
				c.Address != m.address || !c.IssuedAt.Equal(m.issuedAt) || !c.ExpirationTime.Equal(m.expiration) {
				t.Fatalf("reads %q otherwise than the client", text)
			}
		}
		if err != nil {
			return
		}
		for _, part := range append([]string{m.scheme, m.domain, m.address, m.statement, m.uri, m.version, m.nonce, m.requestID}, m.resources...) {
			if !strings.Contains(text, part) || strings.Contains(part, "\n") {
				t.Fatalf("%q is no part of %q", part, text)
			}
		}
		if len(m.nonce) < 8 || len(m.address) != 42 || m.chainID < 0 || m.issuedAt.IsZero() && !strings.Contains(text, "0001") {
			t.Fatalf("took %q", text)
		}
	})
}

// The sums of a field element are those of math/big, also at each carry.
func TestTheFieldOfTheCurve(t *testing.T) {
	t.Parallel()
	p := fieldPrime()
	below := func(n int64) *big.Int { return new(big.Int).Sub(p, big.NewInt(n)) }
	numbers := []*big.Int{
		new(big.Int), one(), big.NewInt(fold), big.NewInt(fold - 1), below(1), below(2), below(fold), new(big.Int).Rsh(p, 1),
		new(big.Int).Lsh(one(), 255), new(big.Int).Lsh(one(), 64), hexNumber("ffffffffffffffff"), hexNumber("ffffffff00000000ffffffffffffffff0000000000000000ffffffffffffffff"),
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		numbers = append(numbers, element{random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64() >> 1}.number())
	}
	mod := func(n *big.Int) *big.Int { return n.Mod(n, p) }
	for _, m := range numbers {
		a := elementOf(m)
		assert.Equal(t, m.String(), a.number().String())
		assert.Equal(t, mod(new(big.Int).Lsh(m, 1)).String(), a.twice().number().String(), "2·%v", m)
		for _, n := range numbers {
			b := elementOf(n)
			assert.Equal(t, mod(new(big.Int).Add(m, n)).String(), a.plus(b).number().String(), "%v + %v", m, n)
			assert.Equal(t, mod(new(big.Int).Sub(m, n)).String(), a.minus(b).number().String(), "%v - %v", m, n)
			assert.Equal(t, mod(new(big.Int).Mul(m, n)).String(), a.times(b).number().String(), "%v · %v", m, n)
		}
	}
}

// The order of the curve times any of its points is infinity, and a point and the
// same point with the other sign are.
func TestThePointsOfTheCurve(t *testing.T) {
	t.Parallel()
	n, g := curveOrder(), generator()
	assert.Equal(t, element{}, g.times(n).z)
	x, y := g.times(new(big.Int).Sub(n, one())).affine()
	gx, gy := g.affine()
	assert.Equal(t, gx.String(), x.String())
	assert.Equal(t, fieldPrime().String(), y.Add(y, gy).String())
	twoX, twoY := g.plus(g).affine()
	x, y = g.double().affine()
	assert.Equal(t, []string{twoX.String(), twoY.String()}, []string{x.String(), y.String()})
	assert.Equal(t, element{}, g.plus(g.times(new(big.Int).Sub(n, one()))).z)
	assert.Equal(t, g, point{}.plus(g))
	assert.Equal(t, g, g.plus(point{}))
}
