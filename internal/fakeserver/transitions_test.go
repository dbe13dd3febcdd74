package fakeserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/webhook"
)

// table is webhook's order of the statuses of one kind of object in a fake.
type table struct {
	fake, kind string // a kind with a title behind it: its objects of that title only
	states     *webhook.States
	// wider are transitions that webhook hands on and the fake never makes, with the
	// reason, as "from to". An asterisk stands for any state.
	wider map[string]string
	// made makes the transitions of a kind that the admin API does not show.
	made func(t *testing.T) map[[2]string]bool
}

func tables() []table {
	const (
		staff  = "BitPesa's staff ends what is an exception or was given up; the fake leaves it as it is"
		cashed = "the payout of this test is to a bank, and only a cash pickup can be cancelled once it is funded"
	)
	return []table{
		{"kapiten", "rides", webhook.KapitenStates(), nil, nil},
		{"kpay", "payments", webhook.KPayStates(), nil, nil},
		{"kasapay", "payouts", webhook.KasapayStates(), nil, nil},
		{"kotani", "transactions", webhook.KotaniStates(), nil, nil},
		{"fiatconnect", "transfers TransferIn", webhook.FiatConnectStates(kotani.TransferTypeIn), nil, nil},
		{"fiatconnect", "transfers TransferOut", webhook.FiatConnectStates(kotani.TransferTypeOut), nil, nil},
		{"bitpesa", "transactions", webhook.BitPesaStates("transaction"), map[string]string{
			"exception *": staff, "canceled refunded": staff,
			"received canceled": cashed, "manual canceled": cashed, "processing canceled": cashed,
		}, nil},
		{"bitpesa", "recipients", webhook.BitPesaStates("recipient"), map[string]string{
			"exception *": staff, "canceled refunded": staff, "* canceled": cashed,
		}, nil},
		{"bitpesa", "senders", webhook.BitPesaStates("sender"), map[string]string{
			"banned disabled": "a sender is deleted by a call of the API, and this test makes admin calls only",
		}, nil},
		{"bitpesa", "payin_methods", webhook.BitPesaStates("payin_method"), map[string]string{
			"mispaid *": "BitPesa's staff goes on with a wrong amount; the fake keeps it, or gives it back",
		}, payins},
	}
}

// widerBy is the entry of wider that a transition falls under, or "".
func (row table) widerBy(from, to string) string {
	for _, name := range []string{from + " " + to, from + " *", "* " + to} {
		if row.wider[name] != "" {
			return name
		}
	}
	return ""
}

// stock makes each fake with objects in their first states.
func stock(t *testing.T) map[string][]*fake.Control {
	t.Helper()
	ctx := t.Context()
	quiet := fake.Options{Callbacks: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}

	rides := kapitentest.NewServer(t, kapitentest.Config{Options: quiet})
	for _, balance := range []int64{0, 5000} { // an unpaid ride and a paid one
		co := rides.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(balance)})
		client, err := kapiten.New(rides.ClientConfig(co))
		require.NoError(t, err)
		_, err = client.Rides.Create(ctx, kapiten.CreateRideParams{
			CompanyID: co.ID, PickupAddress: "a", Pickup: kapiten.Location{Latitude: -1.9, Longitude: 30}, Sender: kapiten.Contact{Name: "a", Phone: "0788123456"},
			DropoffAddress: "b", Dropoff: kapiten.Location{Latitude: -1.9, Longitude: 30.1}, Receiver: kapiten.Contact{Name: "b", Phone: "0788123457"},
		})
		require.NoError(t, err)
	}

	payments := kpaytest.NewServer(t, kpaytest.Config{Options: quiet})
	collector, err := kpay.New(payments.ClientConfig())
	require.NoError(t, err)
	_, err = collector.Pay(ctx, kpay.PayParams{
		RefID: "order-123", Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "0783300000",
		Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: "0783300000", Details: "Order #123",
		ReturnURL: "https://merchant.example/kpay", RedirectURL: "https://merchant.example/thanks",
	})
	require.NoError(t, err)

	payouts := kasapaytest.NewServer(t, kasapaytest.Config{Options: quiet, Quirks: kasapaytest.Quirks{RefundFailed: true}})
	payer, err := kasapay.New(payouts.ClientConfig())
	require.NoError(t, err)
	_, err = payer.Payouts.Create(ctx, kasapay.CreatePayoutParams{
		Reference: "flour-7", RecipientType: kasapay.Paybill, RecipientAccountNumber: "565601", RecipientName: "Unga Mills",
		AccountReference: "bakery", Amount: decimal.NewFromInt(1500), Currency: "KES", Country: "KEN",
		Description: "Delivery 7", CallbackURL: "https://merchant.example/kasapay",
	})
	require.NoError(t, err)

	transactions := kotanitest.NewServer(t, kotanitest.Config{Options: quiet})
	wallet, err := kotani.New(transactions.ClientConfig())
	require.NoError(t, err)
	_, err = wallet.Fiat.Withdraw(ctx, kotani.WithdrawParams{Amount: decimal.NewFromInt(500), PhoneNumber: "254712345678", ExternalID: "out"})
	require.NoError(t, err)

	remittances := bitpesatest.NewServer(t, bitpesatest.Config{Options: quiet})
	remitter, err := bitpesa.New(remittances.ClientConfig())
	require.NoError(t, err)
	_, err = remitter.Transactions.Create(ctx, remittance())
	require.NoError(t, err)
	return map[string][]*fake.Control{
		"kapiten": {rides.Control}, "kpay": {payments.Control}, "kasapay": {payouts.Control}, "kotani": {transactions.Control},
		"fiatconnect": stockFiatConnect(t, quiet), "bitpesa": {remittances.Control},
	}
}

func remittance() bitpesa.TransactionParams {
	return bitpesa.TransactionParams{
		ExternalID: "remit-1", InputCurrency: "USD",
		Sender: bitpesa.SenderParams{
			ExternalID: "sender-1", FirstName: "Example", LastName: "User", Country: "UG", City: "Kampala", Street: "Somewhere 17-3",
			PostalCode: "798983", Email: "email@domain.com", IP: "127.0.0.1", PhoneNumber: "+256752403639", BirthDate: "1970-01-01",
		},
		Recipients: []bitpesa.RecipientParams{{
			RequestedAmount: decimal.NewFromInt(10_000), RequestedCurrency: "NGN",
			PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{
				FirstName: "Jane", LastName: "Doe", BankCode: "058", BankAccount: "1234567800", BankAccountType: "20",
			}},
		}},
	}
}

// stockFiatConnect puts transfers into snapshots, because only a wallet that signs
// can ask for one: out, in by the user's own act, and in by a debit of the account.
func stockFiatConnect(t *testing.T, o fake.Options) []*fake.Control {
	t.Helper()
	var all []*fake.Control
	for _, transfer := range []string{
		`"type":"TransferOut"`, `"type":"TransferIn","user_action":{"userActionType":"AccountNumberUserAction"}`, `"type":"TransferIn","user_action":null`,
	} {
		server := kotanitest.NewServer(t, kotanitest.Config{Options: o})
		empty, err := server.Snapshot()
		require.NoError(t, err)
		stocked := bytes.Replace(empty, []byte(`"transfers":[]`), []byte(`"transfers":[{"id":"t-1","status":"TransferStarted","guaranteed":"2026-01-01T00:00:00Z",`+transfer+`}]`), 1)
		require.NoError(t, server.Restore(stocked))
		all = append(all, server.FiatConnect.Control)
	}
	return all
}

// seen are the transitions that a fake has made, by kind of object.
type seen map[string]map[[2]string]bool

// explore makes every transition that the admin API offers, from every state it
// leads to, and lets time pass from each: the console's acts are the fake's own
// table.
func explore(t *testing.T, name string, c *fake.Control) seen {
	t.Helper()
	admin := c.Admin()
	call := func(method, path string, body any) (int, []byte) {
		text, err := json.Marshal(body)
		require.NoError(t, err)
		rec := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewReader(text))
		if body == nil {
			r = httptest.NewRequestWithContext(t.Context(), method, path, nil)
		}
		admin.ServeHTTP(rec, r)
		return rec.Code, rec.Body.Bytes()
	}
	type object struct {
		ID, Title, State string
		Acts             []fake.Act
	}
	kinds, titled := []string{}, false
	for _, row := range tables() {
		if kind, _, title := strings.Cut(row.kind, " "); row.fake == name && row.made == nil {
			kinds, titled = append(kinds, kind), titled || title
		}
	}
	kinds = slices.Compact(kinds)
	look := func() (map[string][]object, string) {
		all, key := map[string][]object{}, ""
		for _, kind := range kinds {
			status, body := call("GET", "/_fake/"+name+"/"+kind, nil)
			require.Equal(t, 200, status, "%s", body)
			var list map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(body, &list))
			var objects []object
			require.NoError(t, json.Unmarshal(list[kind], &objects), "%s", body)
			for _, o := range objects {
				key += kind + " " + o.ID + " " + o.State + "\n"
			}
			all[kind] = objects
		}
		return all, key
	}
	made, known := seen{}, map[string]bool{}
	start, err := c.Snapshot()
	require.NoError(t, err)
	for open := [][]byte{start}; len(open) > 0; open = open[1:] {
		require.NoError(t, c.Restore(open[0]))
		before, _ := look()
		acts := []fake.Act{{Method: "POST", Path: "/_fake/clock/advance", Body: map[string]bool{"to_next_event": true}}}
		for _, kind := range kinds {
			for _, o := range before[kind] {
				acts = append(acts, o.Acts...)
			}
		}
		for _, act := range acts {
			require.NoError(t, c.Restore(open[0]))
			if status, _ := call(act.Method, act.Path, act.Body); status >= 300 {
				continue // offered, but the money or the recipients do not allow it
			}
			after, key := look()
			for _, kind := range kinds {
				for _, was := range before[kind] {
					i := slices.IndexFunc(after[kind], func(o object) bool { return o.ID == was.ID })
					if i < 0 || after[kind][i].State == was.State {
						continue
					}
					group := kind
					if titled {
						group += " " + was.Title
					}
					if made[group] == nil {
						made[group] = map[[2]string]bool{}
					}
					made[group][[2]string{was.State, after[kind][i].State}] = true
				}
			}
			if !known[key] {
				known[key] = true
				snapshot, err := c.Snapshot()
				require.NoError(t, err)
				open = append(open, snapshot)
			}
		}
	}
	return made
}

// The console redraws what the timeline tells of. So no state may change in silence,
// even if the clock alone changes it.
func TestTheTimelineTellsEachStateThatTheClockChanges(t *testing.T) {
	fakes := stock(t)
	moved := map[string]bool{}
	waiting := kotanitest.NewServer(t)
	client, err := kotani.New(waiting.ClientConfig())
	require.NoError(t, err)
	_, err = client.Quotes.In(t.Context(), kotani.QuoteParams{Amount: decimal.NewFromInt(1300), Currency: "KES", CryptoType: "cUSD"})
	require.NoError(t, err)
	_, err = client.Binance.CreateOrder(t.Context(), kotani.CreateOrderParams{
		Amount: decimal.NewFromInt(10), GoodsName: "a", GoodsDetail: "b", Currency: "USDT", ReturnURL: "https://shop.example/ok", CancelURL: "https://shop.example/no",
	})
	require.NoError(t, err)
	fakes["kotani"] = append(fakes["kotani"], waiting.Control)

	for name, controls := range fakes {
		for _, c := range controls {
			look := func() map[[2]string]string {
				states := map[[2]string]string{}
				for _, k := range listed(t, c, "kinds", "kinds") {
					if k["provider"] != name || k["name"] == "accounts" {
						continue
					}
					for _, o := range listed(t, c, name+"/"+text(t, k, "name"), text(t, k, "name")) {
						states[[2]string{text(t, k, "name"), text(t, o, "id")}] = text(t, o, "state")
					}
				}
				return states
			}
			if name == "fiatconnect" { // a transfer of a snapshot goes on by itself from its next step
				act := listed(t, c, "fiatconnect/transfers", "transfers")[0]["acts"].([]any)[0].(map[string]any)
				status, body := faketest.Admin(c.Admin(), "POST", text(t, act, "path"), string(fake.Encode(act["body"])))
				require.Equal(t, http.StatusOK, status, body)
			}
			before := look()
			for range 100 {
				if status, _ := faketest.Admin(c.Admin(), "POST", "/_fake/clock/advance", `{"to_next_event":true}`); status != http.StatusOK {
					break // no event is left
				}
				after := look()
				for object, state := range after {
					if state == before[object] {
						continue
					}
					moved[name+" "+object[0]] = true
					told := listed(t, c, "timeline?kind=state&limit=1&subject="+url.QueryEscape(object[1]), "records")
					require.NotEmpty(t, told, "%s %v", name, object)
					assert.True(t, strings.HasSuffix(text(t, told[0], "text"), " → "+state), "%s %v is %s, and the timeline says %s", name, object, state, told[0]["text"])
				}
				before = after
			}
			status, _ := faketest.Admin(c.Admin(), "POST", "/_fake/clock/advance", `{"seconds":31536000}`)
			require.Equal(t, http.StatusOK, status)
			assert.Equal(t, before, look(), "%s: no event was left, and yet a state has changed", name)
		}
	}
	for _, kind := range []string{"kapiten rides", "kpay payments", "kasapay payouts", "kotani transactions", "kotani quotes", "kotani orders", "fiatconnect transfers", "bitpesa transactions"} {
		assert.True(t, moved[kind], "the clock has moved no %s", kind)
	}
}

// A line of the timeline says in one clause why: a request, a person or an event.
func TestTheTimelineSaysWhoMadeAnObjectAndWhoMovedIt(t *testing.T) {
	made, moved := []string{}, []string{}
	for name, controls := range stock(t) {
		for _, c := range controls {
			for _, k := range listed(t, c, "kinds", "kinds") {
				kind := text(t, k, "name")
				if k["provider"] != name || kind == "accounts" {
					continue
				}
				for _, o := range listed(t, c, name+"/"+kind, kind) {
					id := url.QueryEscape(text(t, o, "id"))
					if kind != "companies" && name != "fiatconnect" { // those came by no request
						made = append(made, name+" "+kind)
						told := listed(t, c, "timeline?kind=state&subject="+id, "records")
						require.NotEmpty(t, told)
						assert.NotEmpty(t, told[len(told)-1]["request"], "%s %s", name, kind)
					}
					for _, act := range o["acts"].([]any)[:min(1, len(o["acts"].([]any)))] {
						act, before := act.(map[string]any), listed(t, c, "timeline?limit=1", "records")
						status, body := faketest.Admin(c.Admin(), text(t, act, "method"), text(t, act, "path"), string(fake.Encode(act["body"])))
						require.Equal(t, http.StatusOK, status, body)
						for _, kind := range []string{"state", "entry"} {
							for _, r := range listed(t, c, "timeline?kind="+kind+"&subject="+id, "records") {
								if len(before) == 0 || r["id"].(float64) > before[0]["id"].(float64) {
									moved = append(moved, name+" "+kind)
									assert.Equal(t, "by hand", r["cause"], "%s %v", name, r)
								}
							}
						}
					}
				}
			}
		}
	}
	assert.Subset(t, made, []string{"kapiten rides", "kpay payments", "kasapay payouts", "kotani transactions", "bitpesa transactions", "bitpesa senders", "bitpesa recipients"})
	assert.Subset(t, moved, []string{"kapiten state", "kpay state", "kpay entry", "kasapay state", "kasapay entry", "kotani state", "kotani entry", "fiatconnect state", "bitpesa state"})
}

// listed are the elements of a list of the admin API.
func listed(t *testing.T, c *fake.Control, path, name string) (all []map[string]any) {
	t.Helper()
	status, body := faketest.Admin(c.Admin(), "GET", "/_fake/"+path, "")
	require.Equal(t, http.StatusOK, status, body)
	var page map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(body), &page))
	require.NoError(t, json.Unmarshal(page[name], &all))
	return all
}

// payins makes the transitions of BitPesa's payin methods: by every call there is, by
// the sender's payment, by what staff does to the transaction, and by time.
func payins(t *testing.T) map[[2]string]bool {
	t.Helper()
	ctx := t.Context()
	server := bitpesatest.NewServer(t, bitpesatest.Config{Options: fake.Options{Callbacks: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}})
	client, err := bitpesa.New(server.ClientConfig())
	require.NoError(t, err)
	form := func(kind, phone string) bitpesa.PayinMethodParams {
		p := bitpesa.PayinMethodParams{Type: kind}
		if phone != "" {
			p.InDetails = map[string]any{"phone_number": phone}
		}
		return p
	}
	const pays, fails, waits = "+221774044430", "+221774044439", "+221774044435"
	made, known := map[[2]string]bool{}, map[string]bool{}
	var open [][]byte
	var id, payin, recipient string
	look := func() (state, key string) {
		p, err := client.PayinMethods.Get(ctx, payin)
		require.NoError(t, err)
		o, err := client.Transactions.Get(ctx, id)
		require.NoError(t, err)
		return string(p.State), fmt.Sprint(p.State, p.Type, p.InDetails, o.State, o.Recipients[0].State)
	}
	advance := func() {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/_fake/clock/advance", strings.NewReader(`{"to_next_event":true}`))
		server.Admin().ServeHTTP(httptest.NewRecorder(), r)
	}
	update := func(kind, phone string) func() {
		return func() { _, _ = client.PayinMethods.Update(ctx, payin, form(kind, phone)) } // refused in some states
	}
	acts := []func(){
		advance,
		func() { _, _ = client.PayinMethods.Retry(ctx, payin) },
		func() { _, _ = client.PayinMethods.Cancel(ctx, payin) },
		update("XOF::Mobile", pays), update("XOF::Mobile", fails), update("XOF::Mobile", waits), update("XOF::Mobile", ""), update("XOF::Bank", ""),
		func() { _ = server.PayTransaction(id, decimal.NewFromInt(5000)) },
		func() {
			if o, err := client.Transactions.Get(ctx, id); err == nil {
				_ = server.PayTransaction(id, o.DueAmount.Decimal)
			}
		},
		func() { _, _ = client.Recipients.Cancel(ctx, recipient) },
	}
	for _, start := range []bitpesa.PayinMethodParams{form("XOF::Mobile", ""), form("XOF::Mobile", pays), form("XOF::Mobile", fails), form("XOF::Bank", "")} {
		server.Reset()
		p := remittance()
		p.InputCurrency, p.PayinMethods = "XOF", []bitpesa.PayinMethodParams{start}
		o, err := client.Transactions.Create(ctx, p)
		require.NoError(t, err)
		id, payin, recipient = o.ID, o.PayinMethods[0].ID, o.Recipients[0].ID
		begun, err := server.Snapshot()
		require.NoError(t, err)
		for open = [][]byte{begun}; len(open) > 0; open = open[1:] {
			require.NoError(t, server.Restore(open[0]))
			before, _ := look()
			for _, act := range acts {
				require.NoError(t, server.Restore(open[0]))
				act()
				after, key := look()
				if before != after {
					made[[2]string{before, after}] = true
				}
				if !known[key] {
					known[key] = true
					snapshot, err := server.Snapshot()
					require.NoError(t, err)
					open = append(open, snapshot)
				}
			}
		}
	}
	return made
}

// reach are the pairs of states that some way connects, and the states.
func reach(direct map[[2]string]bool) (pairs map[[2]string]bool, states []string) {
	pairs = maps.Clone(direct)
	for pair := range direct {
		states = append(states, pair[0], pair[1])
	}
	slices.Sort(states)
	states = slices.Compact(states)
	for _, via := range states {
		for _, from := range states {
			for _, to := range states {
				if pairs[[2]string{from, via}] && pairs[[2]string{via, to}] {
					pairs[[2]string{from, to}] = true
				}
			}
		}
	}
	return pairs, states
}

// Whatever a fake does is handed on by webhook, and what webhook takes for an advance
// a fake can do. Between states that lead to each other nobody can tell
// late news from new news, so they are left out of the second rule.
func TestTheFakesAndWebhookAgreeOnEveryTransition(t *testing.T) {
	t.Parallel()
	fakes := stock(t)
	for name, controls := range fakes {
		if name == "bitpesa" && clienttest.RaceDetector() {
			continue // it has thousands of steps, one after the other: no race can be in it
		}
		made := seen{}
		for _, c := range controls {
			for kind, transitions := range explore(t, name, c) {
				maps.Copy(transitions, made[kind])
				made[kind] = transitions
			}
		}
		for _, row := range tables() {
			if row.fake != name {
				continue
			}
			t.Run(name+" "+row.kind, func(t *testing.T) {
				if row.made != nil {
					made[row.kind] = row.made(t)
				}
				pairs, states := reach(made[row.kind])
				require.NotEmpty(t, states)
				used := map[string]bool{}
				for _, from := range states {
					for _, to := range states {
						if from == to {
							continue
						}
						word := string(row.states.Transition(status(from), status(to)))
						moves := word != "stale" && word != "duplicate" && word != "impossible" && word != "unexpected"
						wider := row.widerBy(status(from), status(to))
						switch {
						case made[row.kind][[2]string{from, to}]:
							assert.True(t, moves, "the fake goes from %s to %s, and webhook says %s", from, to, word)
						case word == "advanced" && wider != "" && !pairs[[2]string{from, to}]:
							used[wider] = true
						case word == "advanced":
							assert.True(t, pairs[[2]string{from, to}], "webhook says %s from %s to %s, and the fake never goes there", word, from, to)
						case pairs[[2]string{from, to}] && !moves:
							assert.True(t, pairs[[2]string{to, from}], "the fake gets from %s to %s, and webhook says %s", from, to, word)
						}
					}
				}
				for name := range row.wider {
					assert.True(t, used[name], "%s is explained and does not occur", name)
				}
			})
		}
	}
	for _, p := range providers() {
		for _, e := range p.endpoints {
			assert.Contains(t, fakes, e.name)
		}
	}
}

// status is a state as a callback names it: the console adds a word to a code.
func status(state string) string {
	word, _, _ := strings.Cut(state, " ")
	return word
}
