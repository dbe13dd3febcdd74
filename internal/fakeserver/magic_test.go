package fakeserver

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// play makes one object whose number ends as told, and whose reference ends as told
// where the provider looks at it. It returns the object's id, or what the provider
// said instead of making an object.
type play func(t *testing.T, number, reference string) (id, said string)

// player is a server on which each table of the start page can be played.
type player struct {
	provider, kind string
	admin          string
	play           play
	ordinary       []string            // endings without magic, for each of which nothing special happens
	aside          func(id string) any // what the states do not tell, such as a reason; nil for none
	callbacks      bool                // an ordinary object has callbacks
	entries        map[string]string   // the object is a ledger entry, with these words for its states
}

// players are those of the start page's tables, by endpoint and table.
func players(t *testing.T) map[string]player {
	t.Helper()
	serial := 0
	next := func() int { serial++; return serial }
	fourDigits := []string{"0000", "0099", "1000"}
	for n := range 12 {
		fourDigits = append(fourDigits, fmt.Sprintf("%04d", n+1))
	}
	field := func(admin, provider, kind, name string) func(id string) any {
		return func(id string) any {
			return get(t, admin+"/"+provider+"/"+kind+"/"+url.PathEscape(id))["value"].(map[string]any)[name]
		}
	}

	b := newBusiness(t, `{}`)
	b.adjust(1_000_000, "")
	rides := player{provider: "kapiten", kind: "rides", admin: b.admin, ordinary: fourDigits, callbacks: true, play: func(_ *testing.T, number, _ string) (string, string) {
		return b.create("078900" + number), ""
	}}
	topUps := player{provider: "kapiten", admin: b.admin, ordinary: fourDigits, play: func(t *testing.T, number, _ string) (string, string) {
		deposit, err := b.client.Wallet.TopUp(t.Context(), kapiten.TopUpParams{CompanyID: b.id, Amount: decimal.NewFromInt(5000), PhoneNumber: "078812" + number, Description: "x"})
		require.NoError(t, err)
		return deposit.ID, ""
	}}
	topUps.entries = map[string]string{"pending": "PENDING", "posted": "SUCCESS", "failed": "FAILED"}
	topUps.aside = func(id string) any {
		transaction, err := b.client.Wallet.Wait(t.Context(), b.id, id)
		require.NoError(t, err)
		_, why, _ := strings.Cut(transaction.Description, ": ")
		return why
	}

	c := newCollector(t, "")
	pay := func(t *testing.T, number, reference string, changes map[string]any) (string, string) {
		refid := fmt.Sprintf("ORDER-%d%s", next(), reference)
		order := map[string]any{"refid": refid, "msisdn": "078330" + cmp.Or(number, "0000")}
		maps.Copy(order, changes)
		response := c.pay(order)
		if response["retcode"] != 0.0 && response["statusid"] == nil {
			said := fmt.Sprintf("refused with %v: %v", response["retcode"], response["reply"])
			if more := response["statusmsg"]; more != nil {
				said += fmt.Sprint(", ", more)
			}
			return "", said
		}
		return refid, ""
	}
	payments := player{provider: "kpay", kind: "payments", admin: c.admin, ordinary: fourDigits, callbacks: true, aside: field(c.admin, "kpay", "payments", "statusdesc"),
		play: func(t *testing.T, number, reference string) (string, string) {
			id, said := pay(t, number, reference, nil)
			if id != "" {
				if _, looked := c.send("/", `{"action":"checkstatus","refid":"`+id+`"}`); looked["statusid"] == "611" {
					said = "checkstatus says 611 at first"
				}
			}
			return id, said
		}}
	cards := player{provider: "kpay", kind: "payments", admin: c.admin, aside: payments.aside, ordinary: otherCards(), play: func(t *testing.T, number, _ string) (string, string) {
		id, _ := pay(t, "", "", map[string]any{"pmethod": "cc", "bankid": "000", "redirecturl": c.url + "/"})
		link := get(t, c.admin+"/kpay/payments/"+id)["link"].(string)
		form := url.Values{"card_number": {number}, "expiry_date": {"12/39"}, "cvv": {"123"}}
		response := send(t, http.MethodPost, c.url+link, "", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, http.StatusOK, response.StatusCode, "back in the shop")
		return id, ""
	}}

	greeting, _ := start(t, "-clock", "manual")
	k, err := kasapay.New(kasapay.Config{BaseURL: text(t, greeting, "kasapay"), ConsumerKey: "test-key", ConsumerSecret: "test-secret", ServiceCode: "12346"})
	require.NoError(t, err)
	admin := text(t, greeting, "admin")
	payout := func(t *testing.T, number, reference, host string) (string, string) {
		id := fmt.Sprintf("flour-%d%s", next(), reference)
		_, err := k.Payouts.Create(t.Context(), kasapay.CreatePayoutParams{
			Reference: id, RecipientType: kasapay.Paybill, RecipientAccountNumber: "56" + cmp.Or(number, "5656"), RecipientName: "Unga Mills", AccountReference: "x",
			Amount: decimal.NewFromInt(1500), Currency: "KES", Country: "KEN", Description: "x", CallbackURL: "http://" + host + ":1/kasapay",
		})
		if refused := (*sdk.Error)(nil); errors.As(err, &refused) {
			return "", "refused: " + refused.Message
		}
		require.NoError(t, err)
		return id, ""
	}
	payouts := player{provider: "kasapay", kind: "payouts", admin: admin, ordinary: fourDigits, callbacks: true, aside: field(admin, "kasapay", "payouts", "result_description"),
		play: func(t *testing.T, number, reference string) (string, string) {
			return payout(t, number, reference, "127.0.0.1")
		}}
	hosts := player{provider: "kasapay", kind: "payouts", admin: admin, ordinary: []string{"127.0.0.1"}, callbacks: true,
		play: func(t *testing.T, host, _ string) (string, string) {
			return payout(t, "", "", map[bool]string{true: "shop", false: ""}[strings.HasPrefix(host, ".")]+host)
		}}

	wallet, err := kotani.New(kotani.Config{
		BaseURL: text(t, greeting, "kotani"), PhoneNumber: "254700000000", CountryCode: "KEN", Password: "test-password",
		FiatConnect: kotani.FiatConnectConfig{BaseURL: text(t, greeting, "fiatconnect"), ChainID: chainID, Signer: kotanitest.NewSigner("jane")},
	})
	require.NoError(t, err)
	transactions := player{provider: "kotani", kind: "transactions", admin: admin, ordinary: fourDigits, callbacks: true, aside: field(admin, "kotani", "transactions", "message"),
		play: func(t *testing.T, number, _ string) (string, string) {
			made, err := wallet.Fiat.Withdraw(t.Context(), kotani.WithdrawParams{
				Amount: decimal.NewFromInt(500), PhoneNumber: "25471234" + number, ExternalID: fmt.Sprintf("out-%d", next()), CallbackURL: "http://127.0.0.1:1/kotani",
			})
			require.NoError(t, err)
			return made.RequestID, ""
		}}
	fc := wallet.FiatConnect
	require.NoError(t, fc.Login(t.Context()))
	status, _ := ask(t, "POST", admin+"/fiatconnect/kyc", `{"address":"`+strings.ToLower(kotanitest.NewSigner("jane").Address())+`","kycSchema":"PersonalDataAndDocuments","kycStatus":"KycApproved"}`)
	require.Equal(t, http.StatusOK, status)
	transfer := func(in bool) player {
		return player{provider: "fiatconnect", kind: "transfers", admin: admin, ordinary: fourDigits, play: func(t *testing.T, number, _ string) (string, string) {
			return fiatConnectTransfer(t, fc, in, fmt.Sprintf("%06d%s", next(), number)), ""
		}}
	}

	all := map[string]player{
		"kapiten/top-up": topUps, "kapiten/ride": rides, "kpay/payment": payments, "kpay/card on the checkout page": cards, "kasapay/payout": payouts, "kasapay/payout by the host of its callback_url": hosts,
		"kotani/transaction": transactions, "fiatconnect/transfer in": transfer(true), "fiatconnect/transfer out": transfer(false),
	}
	r := newRemitter(t, "")
	sender, err := r.client.Senders.Create(t.Context(), remitterSender)
	require.NoError(t, err)
	phone := func(base string, d bitpesa.PayoutDetails) func(number string) bitpesa.PayoutDetails {
		return func(number string) bitpesa.PayoutDetails {
			d := d
			d.FirstName, d.LastName, d.PhoneNumber = "Jane", "Doe", base[:len(base)-len(number)]+number
			return d
		}
	}
	bank := func(code string) func(number string) bitpesa.PayoutDetails {
		return func(number string) bitpesa.PayoutDetails {
			return bitpesa.PayoutDetails{FirstName: "Jane", LastName: "Doe", BankCode: code, BankAccount: "12345678"[:8-len(number)] + number, BankAccountType: "20"}
		}
	}
	for name, corridor := range map[string]struct {
		method  bitpesa.PayoutType
		details func(number string) bitpesa.PayoutDetails
	}{
		"GHS::Bank":           {"GHS::Bank", bank("030100")},
		"GHS::Mobile":         {"GHS::Mobile", phone("+233302123400", bitpesa.PayoutDetails{})},
		"NGN::Bank":           {"NGN::Bank", bank("058")},
		"UGX::Mobile, airtel": {"UGX::Mobile", phone("+256752403600", bitpesa.PayoutDetails{MobileProvider: "airtel"})},
		"UGX::Mobile, mtn":    {"UGX::Mobile", phone("+256772403620", bitpesa.PayoutDetails{MobileProvider: "mtn"})},
		"XAF::Mobile":         {"XAF::Mobile", phone("+237674044400", bitpesa.PayoutDetails{MobileProvider: "mtn", Country: "CM"})},
		"XOF::Mobile":         {"XOF::Mobile", phone("+221774044400", bitpesa.PayoutDetails{MobileProvider: "orange", Country: "SN"})},
		"XAF::Mobile, Gabon":  {"XAF::Mobile", phone("+24174044400", bitpesa.PayoutDetails{MobileProvider: "airtel", Country: "GA"})},
	} {
		s := player{provider: "bitpesa", kind: "recipients", admin: r.admin, play: func(t *testing.T, number, _ string) (string, string) {
			p := payoutTo("1234567800", fmt.Sprintf("payout-%d", next()), sender.ID)
			p.Recipients[0].PayoutMethod = bitpesa.PayoutMethodParams{Type: corridor.method, Details: corridor.details(number)}
			sent, err := r.client.Transactions.PayFromBalance(t.Context(), p)
			require.NoError(t, err, "%s %s", name, number)
			return sent.Recipients[0].ID, ""
		}}
		s.aside = func(id string) any {
			value := get(t, r.admin+"/bitpesa/recipients/"+id)["value"].(map[string]any)
			return fmt.Sprint("code ", value["code"])
		}
		for n := 0; n < 100; n += clienttest.Times(1, 13) {
			s.ordinary = append(s.ordinary, fmt.Sprintf("%02d", n))
		}
		all["bitpesa/payout "+name] = s
	}
	return all
}

// otherCards are valid cards, those of KPay's documents among them.
func otherCards() []string {
	all := []string{"4242424242424242", "6011111111111117"}
	for _, card := range []kpay.TestCard{
		kpay.TestMastercardCommercial, kpay.TestMastercardConsumer, kpay.TestMastercardDebit, kpay.TestVisaClassic, kpay.TestVisaConsumer, kpay.TestVisaDebit,
		kpay.TestAmex, kpay.TestAmexSecond,
	} {
		all = append(all, string(card))
	}
	return all
}

// fiatConnectTransfer makes a transfer to or from a fiat account with a number.
func fiatConnectTransfer(t *testing.T, fc *kotani.FiatConnect, in bool, number string) string {
	t.Helper()
	ctx, begin, quote := t.Context(), fc.TransferOut, fc.QuoteOut
	if in {
		begin, quote = fc.TransferIn, fc.QuoteIn
	}
	q, err := quote(ctx, kotani.TransferQuoteParams{FiatType: "KES", CryptoType: "cUSD", Country: "KE", FiatAmount: decimal.NewFromInt(1300)})
	require.NoError(t, err)
	account, err := fc.AddAccount(ctx, kotani.BankAccount{AccountName: "Jane", InstitutionName: "Bank", AccountNumber: number, Country: "KE"})
	require.NoError(t, err)
	made, err := begin(ctx, kotani.TransferParams{FiatAccountID: account.ID, QuoteID: q.ID})
	require.NoError(t, err)
	return made.ID
}

// story is what became of an object in two days, in the words of the start page.
func (s player) story(t *testing.T, id, said string) string {
	t.Helper()
	if id == "" {
		return said
	}
	parts := []string{}
	if said != "" {
		parts = append(parts, said)
	}
	state, result, steps := s.course(t, id)
	switch {
	case len(steps) > 0:
		parts = append(parts, strings.Join(steps[max(len(steps)-2, 0):], ", "))
	case result == "pending":
		parts = append(parts, "stays "+state)
	default:
		parts = append(parts, state+" at once")
	}
	if s.aside != nil && (result == "failed" || s.provider == "bitpesa" && result == "pending") {
		if why := fmt.Sprint(s.aside(id)); why != "" {
			parts = append(parts, why)
		}
	}
	if s.callbacks && result != "pending" && get(t, s.admin+"/deliveries?provider="+s.provider+"&q="+url.QueryEscape(id))["total"] == 0.0 {
		parts = append(parts, "no callback comes")
	}
	return strings.Join(parts, "; ")
}

// course is how an object came to its state.
func (s player) course(t *testing.T, id string) (state, result string, steps []string) {
	t.Helper()
	var created time.Time
	at := func(v any) time.Time {
		when, err := time.Parse(time.RFC3339Nano, fmt.Sprint(v))
		require.NoError(t, err)
		return when
	}
	step := func(to string, r map[string]any) {
		state, result = to, fmt.Sprint(r["result"])
		if when := at(r["time"]); when.After(created) {
			steps = append(steps, to+" after "+spoken(when.Sub(created)))
		}
	}
	if s.entries == nil {
		object := get(t, s.admin+"/"+s.provider+"/"+s.kind+"/"+url.PathEscape(id))
		created, state, result = at(object["created"]), fmt.Sprint(object["state"]), fmt.Sprint(object["result"])
	}
	shown := state
	query := map[bool]string{true: "kind=state&subject=" + url.QueryEscape(id), false: "kind=entry"}[s.entries == nil]
	records := elements(t, get(t, s.admin+"/timeline?limit=100&provider="+s.provider+"&"+query), "records")
	for _, r := range slices.Backward(records) {
		if s.entries == nil {
			_, to, changed := strings.Cut(fmt.Sprint(r["text"]), " → ")
			if !changed {
				to = fmt.Sprint(r["text"])
			}
			step(to, r)
			continue
		}
		if e := r["entry"].(map[string]any); e["id"] == id {
			created = at(e["created"])
			step(s.entries[fmt.Sprint(e["status"])], r)
		}
	}
	if s.entries == nil {
		assert.Equal(t, shown, state, "the timeline has missed how %s %s came to its state", s.kind, id)
	}
	return state, result, steps
}

// spoken is a time in words, such as "1 min 20 s".
func spoken(d time.Duration) string {
	var parts []string
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / unit.of; n > 0 {
			parts, d = append(parts, fmt.Sprint(int(n), " ", unit.name)), d%unit.of
		}
	}
	return strings.Join(parts, " ")
}

// TestTheStartPageSaysWhatTheFakesDo plays each row of the start page's tables on the
// standalone server, and then what the tables do not name.
func TestTheStartPageSaysWhatTheFakesDo(t *testing.T) {
	t.Parallel()
	all := players(t)
	for _, p := range providers() {
		for _, e := range p.endpoints {
			require.NotEmpty(t, e.magic, e.name)
			for _, table := range e.magic {
				name := e.name + "/" + table.About
				s, ok := all[name]
				require.True(t, ok, "nobody plays %s", name)
				delete(all, name)
				t.Run(name, func(t *testing.T) { s.hold(t, table) })
			}
		}
	}
	assert.Empty(t, all, "these are in no table")
}

// hold plays a table: each row by number and by reference, and what no row names.
func (s player) hold(t *testing.T, table magic) {
	t.Helper()
	type act struct{ number, reference, id, said, want string }
	var acts []act
	other := table.Rows[len(table.Rows)-1]
	require.Equal(t, anyOther, other.Number)
	named := func(ending string) bool {
		return slices.ContainsFunc(table.Rows, func(r magicRow) bool { return strings.HasSuffix(ending, strings.ReplaceAll(r.Number, " ", "")) })
	}
	for _, row := range table.Rows {
		if row.Number != anyOther {
			acts = append(acts, act{number: row.Number, want: row.Does})
		}
		if table.Reference != "" {
			require.NotEmpty(t, row.Reference)
			acts = append(acts, act{reference: row.Reference, want: row.Does}, act{number: "0001", reference: row.Reference, want: row.Does})
		}
	}
	for _, ending := range s.ordinary {
		if !named(ending) {
			acts = append(acts, act{number: ending, want: other.Does})
		}
		if table.Reference != "" {
			acts = append(acts, act{reference: ending, want: other.Does}) // digits count in a number only
		}
	}
	for i := range acts {
		acts[i].id, acts[i].said = s.play(t, strings.ReplaceAll(acts[i].number, " ", ""), acts[i].reference)
	}
	status, _ := ask(t, "POST", s.admin+"/clock/advance", `{"seconds":172800}`)
	require.Equal(t, http.StatusOK, status)
	for _, a := range acts {
		assert.Equal(t, a.want, s.story(t, a.id, a.said), "number %q, reference %q", a.number, a.reference)
	}
}
