package kotanitest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
)

func TestQuotes(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	in := object{"fiatAmount": "1300", "currency": "KES", "cryptoType": "cUSD"}
	q := p.post("/quotes/in", in)
	assert.Equal(t, "10", q["cryptoAmount"])
	assert.Equal(t, "1300", q["fiatAmount"])
	assert.Equal(t, "130", q["rate"])
	assert.Equal(t, "2026-04-03T09:05:00.000Z", q["expiresAt"])
	out := p.post("/quotes/out", object{"cryptoAmount": "2.345678", "currency": "GHS", "cryptoType": "USDT"})
	assert.Equal(t, "35.18", out["fiatAmount"], "rounded down")
	assert.Equal(t, "0.76923", p.post("/quotes/in", in.with("fiatAmount", "100"))["cryptoAmount"], "rounded down")

	p.wantRefused("fiatAmount is required", p.post("/quotes/in", in.with("fiatAmount", nil)))
	p.wantRefused("fiatAmount has too many decimals", p.post("/quotes/in", in.with("fiatAmount", "1.001")))
	p.wantRefused("currency not supported", p.post("/quotes/in", in.with("currency", "USD")))
	p.wantRefused("cryptoType not supported", p.post("/quotes/in", in.with("cryptoType", "BTC")))
	p.wantRefused("currency is required", p.post("/quotes/in", in.with("currency", nil)))
	p.wantRefused("amount is too small", p.post("/quotes/out", object{"cryptoAmount": "0.00001", "currency": "KES", "cryptoType": "cUSD"}))
}

func TestQuoteIsAcceptedOnceAndInTime(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{TokenLifetime: time.Hour})
	in := func() object {
		return p.post("/quotes/in", object{"fiatAmount": "1300", "currency": "KES", "cryptoType": "cUSD"})
	}
	q, late := in(), in()
	accept := func(way string, q object) object {
		return p.post("/quotes/"+way+"/accept", object{"quoteId": q["quoteId"]})
	}
	p.wantRefused("quote not found", accept("out", q))
	p.wantRefused("quote not found", accept("in", object{"quoteId": "none"}))
	p.wantRefused("quoteId is required", accept("in", object{}))
	p.Advance(5*time.Minute - 1)
	assert.Equal(t, q, accept("in", q))
	p.wantRefused("quote already accepted", accept("in", q))
	p.Advance(1)
	p.wantRefused("quote expired", accept("in", late))
	p.wantRefused("quote already accepted", accept("in", q))
}

func TestTheTimelineTellsThatAQuoteHasExpired(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	in := func() string {
		id, _ := p.post("/quotes/in", object{"fiatAmount": "1300", "currency": "KES", "cryptoType": "cUSD"})["quoteId"].(string)
		return id
	}
	told := func(id string) (lines []string) {
		status, text := faketest.Admin(p.Admin(), "GET", "/_fake/timeline?kind=state&subject="+id, "")
		require.Equal(t, 200, status, text)
		for _, r := range parse(t, text)["records"].([]any) {
			r := r.(map[string]any)
			lines = append(lines, fmt.Sprint(r["time"], " ", r["text"]))
		}
		return lines
	}
	state := func(id string) any {
		_, text := faketest.Admin(p.Admin(), "GET", "/_fake/kotani/quotes/"+id, "")
		return parse(t, text)["state"]
	}
	open, accepted := in(), in()
	p.post("/quotes/in/accept", object{"quoteId": accepted})
	p.Advance(5*time.Minute - 1)
	assert.Equal(t, "open", state(open))
	assert.Equal(t, []string{"2026-04-03T09:00:00Z open"}, told(open))
	p.Advance(1)
	assert.Equal(t, "expired", state(open))
	assert.Equal(t, []string{"2026-04-03T09:05:00Z open → expired", "2026-04-03T09:00:00Z open"}, told(open))
	assert.Equal(t, "accepted", state(accepted), "an accepted quote does not expire")
	assert.Equal(t, []string{"2026-04-03T09:00:00Z open → accepted", "2026-04-03T09:00:00Z open"}, told(accepted))
}

func TestAcceptedQuoteIsDepositedOnce(t *testing.T) {
	t.Parallel()
	p := newPartner(t, kotanitest.Config{})
	q := p.post("/quotes/in", object{"fiatAmount": "1300", "currency": "KES", "cryptoType": "cUSD"})
	body := object{"acceptedQuoteId": q["quoteId"], "phoneNumber": "254712345678", "externalId": "q-1", "callback": hook}
	deposit := func(body object) object { return p.post("/transactions/deposit/quote", body) }
	p.wantRefused("quote is not accepted", deposit(body))
	p.wantRefused("quote not found", deposit(body.with("acceptedQuoteId", "x")))
	p.wantRefused("acceptedQuoteId is required", deposit(body.with("acceptedQuoteId", nil)))
	p.post("/quotes/in/accept", object{"quoteId": q["quoteId"]})
	p.deposit(object{"externalId": "taken", "amount": 1})
	p.wantRefused("externalId already exists", deposit(body.with("externalId", "taken")))
	r := p.result(deposit(body))
	assert.Equal(t, "1300", r["amount"])
	p.wantRefused("quote already used", deposit(body.with("externalId", "q-2")))
	p.Advance(10 * time.Second)
	p.wantBalance("1001301", "KES")

	out := p.post("/quotes/out", object{"cryptoAmount": "2", "currency": "KES", "cryptoType": "cUSD"})
	p.post("/quotes/out/accept", object{"quoteId": out["quoteId"]})
	p.wantRefused("quote not found", deposit(body.with("acceptedQuoteId", out["quoteId"]).with("externalId", "q-3")))
}
