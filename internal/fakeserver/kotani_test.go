package fakeserver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// partner is a partner of Kotani's on the standalone server, whose clock stands still:
// with the client, and with what any program can send.
type partner struct {
	t                      *testing.T
	base, admin, callbacks string
	config                 kotani.Config
	client                 *kotani.Client

	mu   sync.Mutex
	told []kotani.Transaction // in callbacks
}

func newPartner(t *testing.T, config string) *partner {
	t.Helper()
	p := &partner{t: t}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		transaction, err := kotani.ParseCallback(body)
		assert.NoError(t, err)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.told = append(p.told, transaction)
	}))
	t.Cleanup(receiver.Close)
	greeting, _ := start(t, "-clock", "manual", "-config", configFile(t, config))
	p.base, p.admin, p.callbacks = text(t, greeting, "kotani"), text(t, greeting, "admin"), receiver.URL+"/kotani"
	country := text(t, greeting["credentials"].(map[string]any)["kotani"].(map[string]any), "countryCode")
	p.config = kotani.Config{
		BaseURL: p.base, PhoneNumber: "254700000000", CountryCode: country, Password: "test-password",
		FiatConnect: kotani.FiatConnectConfig{BaseURL: text(t, greeting, "fiatconnect"), ChainID: chainID, Signer: kotanitest.NewSigner("jane")},
	}
	p.client = p.with(p.config)
	return p
}

// login is the header of a fresh login: a token lives for five minutes.
func (p *partner) login() string {
	p.t.Helper()
	_, body := ask(p.t, "POST", p.base+"/api/login", `{"phoneNumber":"254700000000","countryCode":"`+p.config.CountryCode+`","password":"test-password"}`)
	var login struct{ AccessToken string }
	require.NoError(p.t, json.Unmarshal([]byte(body), &login))
	return "Bearer " + login.AccessToken
}

func (p *partner) with(config kotani.Config) *kotani.Client {
	p.t.Helper()
	client, err := kotani.New(config)
	require.NoError(p.t, err)
	return client
}

// send sends a request with a token, as any program can. A "result" is unwrapped.
func (p *partner) send(method, path, body string) map[string]any {
	p.t.Helper()
	status, response := ask(p.t, method, p.base+path, body, "Authorization", p.login())
	var o map[string]any
	require.NoError(p.t, json.Unmarshal([]byte(response), &o), "%s %s: %s", method, path, response)
	assert.Equal(p.t, http.StatusOK, status, "%s %s: %s", method, path, response)
	if wrapped, ok := o["result"].(map[string]any); ok {
		return wrapped
	}
	return o
}

func (p *partner) post(path, body string) map[string]any {
	p.t.Helper()
	return p.send(http.MethodPost, path, body)
}

// refused sends a request that Kotani refuses in its own words.
func (p *partner) refused(want, path, body string) {
	p.t.Helper()
	o := p.post(path, body)
	assert.Equal(p.t, map[string]any{"status": 400.0, "desc": want}, o, "%s %s", path, body)
}

// admins makes an admin call that must succeed.
func (p *partner) admins(path, body string) {
	p.t.Helper()
	status, answer := ask(p.t, http.MethodPost, p.admin+path, body)
	require.Equal(p.t, http.StatusOK, status, answer)
}

// advance lets time pass, and waits for the callbacks.
func (p *partner) advance(seconds int) {
	p.t.Helper()
	p.admins("/clock/advance", fmt.Sprintf(`{"seconds":%d}`, seconds))
}

func (p *partner) heard() []kotani.Transaction {
	p.t.Helper()
	p.advance(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	told := p.told
	p.told = nil
	return told
}

// balance is the partner's own.
func (p *partner) balance(currency string) string {
	p.t.Helper()
	for _, a := range elements(p.t, get(p.t, p.admin+"/kotani/accounts"), "accounts") {
		if a["owner"] == "partner" && a["currency"] == currency {
			return fmt.Sprint(a["balance"])
		}
	}
	return "0"
}

// entries are the partner's ledger, newest first: amount and status.
func (p *partner) entries(currency string) []string {
	p.t.Helper()
	var all []string
	for _, e := range elements(p.t, get(p.t, p.admin+"/kotani/entries?owner=partner&currency="+currency), "entries") {
		all = append(all, fmt.Sprint(e["amount"], " ", e["status"]))
	}
	return all
}

func (p *partner) order() kotani.CreateOrderParams {
	return kotani.CreateOrderParams{
		Amount: decimal.NewFromInt(20), GoodsName: "Tea", GoodsDetail: "Purple tea", Currency: "USDT",
		ReturnURL: "https://merchant.example/ok", CancelURL: "https://merchant.example/no", CallbackURL: p.callbacks,
	}
}

// rawOrder is the same without the client.
func (p *partner) rawOrder(changes ...string) string {
	order := `{"amount":20,"goodsName":"Tea","goodsDetail":"Purple tea","currency":"USDT","returnUrl":"https://merchant.example/ok","cancelUrl":"https://merchant.example/no","callback":"` + p.callbacks + `"}`
	return strings.NewReplacer(changes...).Replace(order)
}

func TestAPaidOrderIsPaidOutAtOnceOverHTTP(t *testing.T) {
	for _, by := range []string{"client", "plain HTTP"} {
		t.Run(by, func(t *testing.T) {
			p, ctx := newPartner(t, `{}`), t.Context()
			var id string
			if by == "client" {
				order, err := p.client.Binance.CreateOrder(ctx, p.order())
				require.NoError(t, err)
				assert.Equal(t, kotani.OrderInitial, order.Status)
				assert.Empty(t, order.RequestID)
				id = order.PrepayID
			} else {
				order := p.post("/binance/order/create", p.rawOrder())
				assert.Equal(t, "INITIAL", order["status"])
				assert.NotContains(t, order, "requestId")
				id = order["prepayId"].(string)
			}
			p.admins("/kotani/orders/"+id+"/pay", "{}")

			// The payout is there before any time has passed.
			shown := p.post("/binance/order/query", `{"prepayId":"`+id+`"}`)
			assert.Equal(t, "PAID", shown["status"])
			order, err := p.client.Binance.GetOrder(ctx, id)
			require.NoError(t, err)
			assert.Equal(t, kotani.OrderPaid, order.Status)
			assert.Equal(t, shown["requestId"], order.RequestID)
			payout, err := p.client.Fiat.Get(ctx, order.RequestID)
			require.NoError(t, err)
			assert.Equal(t, []any{kotani.Payouts, kotani.StatusPending, "20", "USDT"}, []any{payout.Type, payout.Status, payout.Amount.Decimal.String(), payout.Currency})
			assert.Equal(t, []string{"20 pending"}, p.entries("USDT"))
			assert.Empty(t, p.heard())

			p.advance(10)
			assert.Equal(t, []string{"20 posted"}, p.entries("USDT"))
			assert.Equal(t, "20", p.balance("USDT"))
			told := p.heard()
			require.Len(t, told, 1)
			assert.Equal(t, []any{order.RequestID, kotani.StatusSuccessful, "20", "USDT"}, []any{told[0].RequestID, told[0].Status, told[0].Amount.Decimal.String(), told[0].Currency})
			assert.Equal(t, "SUCCESSFUL", p.send("GET", "/transactions/status/"+order.RequestID, "")["status"])
			list, err := p.client.Fiat.List(ctx, kotani.TransactionListOptions{Type: kotani.Payouts})
			require.NoError(t, err)
			require.Len(t, list.Items, 1)
			assert.Equal(t, order.RequestID, list.Items[0].RequestID)
		})
	}
}

// The document says that an order without payment is "automatically closed": its state
// is CLOSED, not EXPIRED.
func TestOrdersFailOrAreClosedOverHTTP(t *testing.T) {
	p, ctx := newPartner(t, `{}`), t.Context()
	ids := map[string]string{}
	for _, fate := range []string{"paid", "failed", "closed by the client", "closed", "nobody pays"} {
		ids[fate] = p.post("/binance/order/create", p.rawOrder())["prepayId"].(string)
	}
	p.admins("/kotani/orders/"+ids["paid"]+"/pay", "{}")
	p.admins("/kotani/orders/"+ids["failed"]+"/settle", `{"status":"FAILED"}`)
	order, err := p.client.Binance.CloseOrder(ctx, ids["closed by the client"])
	require.NoError(t, err)
	assert.Equal(t, kotani.OrderClosed, order.Status)
	assert.Equal(t, "CLOSED", p.post("/binance/order/close", `{"prepayId":"`+ids["closed"]+`"}`)["status"])
	for fate, says := range map[string]string{"paid": "order is already paid", "failed": "order has failed already", "closed": "order is already closed"} {
		p.refused(says, "/binance/order/close", `{"prepayId":"`+ids[fate]+`"}`)
		_, err := p.client.Binance.CloseOrder(ctx, ids[fate])
		assert.ErrorIs(t, err, sdk.ErrRejected, fate)
		status, _ := ask(t, http.MethodPost, p.admin+"/kotani/orders/"+ids[fate]+"/pay", "{}")
		assert.Equal(t, http.StatusConflict, status, fate)
	}
	status, _ := ask(t, http.MethodPost, p.admin+"/kotani/orders/"+ids["nobody pays"]+"/settle", `{"status":"EXPIRED"}`)
	assert.Equal(t, http.StatusBadRequest, status, "no such state")

	p.advance(3599)
	assert.Equal(t, "INITIAL", p.post("/binance/order/query", `{"prepayId":"`+ids["nobody pays"]+`"}`)["status"])
	p.advance(1)
	for fate, want := range map[string]kotani.OrderStatus{
		"paid": kotani.OrderPaid, "failed": kotani.OrderFailed, "closed by the client": kotani.OrderClosed, "closed": kotani.OrderClosed, "nobody pays": kotani.OrderClosed,
	} {
		order, err := p.client.Binance.GetOrder(ctx, ids[fate])
		require.NoError(t, err)
		assert.Equal(t, want, order.Status, fate)
		assert.Equal(t, string(want), p.post("/binance/order/query", `{"prepayId":"`+ids[fate]+`"}`)["status"], fate)
		assert.Equal(t, fate == "paid", order.RequestID != "", fate)
	}
	assert.Equal(t, "20", p.balance("USDT"), "the paid order alone")
}

func TestAnOrdersPagesAreURLsOverHTTP(t *testing.T) {
	p := newPartner(t, `{}`)
	for _, no := range []string{"merchant.example/ok", "/ok", "ftp://merchant.example", "javascript:alert(1)"} {
		p.refused("returnUrl must be a URL", "/binance/order/create", p.rawOrder("https://merchant.example/ok", no))
		p.refused("cancelUrl must be a URL", "/binance/order/create", p.rawOrder("https://merchant.example/no", no))
		o := p.order()
		o.ReturnURL, o.CancelURL, o.CallbackURL = no, no, no
		_, err := p.client.Binance.CreateOrder(t.Context(), o)
		require.ErrorIs(t, err, sdk.ErrNotSent)
		var refused *sdk.Error
		require.ErrorAs(t, err, &refused)
		for _, field := range []string{"returnUrl", "cancelUrl", "callback"} {
			assert.Contains(t, refused.Fields, field, no)
		}
	}
	assert.Empty(t, elements(t, get(t, p.admin+"/kotani/orders"), "orders"))
}

const (
	kenyan, ghanaian, rwandan = "254712345678", "233201234567", "250788123456"
	chainHash                 = "0x7777777777777777777777777777777777777777777777777777777777777777"
)

func (p *partner) acceptedQuote(in bool, amount int64, coin string) *kotani.Quote {
	p.t.Helper()
	ask, accept := p.client.Quotes.Out, p.client.Quotes.AcceptOut
	if in {
		ask, accept = p.client.Quotes.In, p.client.Quotes.AcceptIn
	}
	quote, err := ask(p.t.Context(), kotani.QuoteParams{Amount: decimal.NewFromInt(amount), Currency: "KES", CryptoType: coin})
	require.NoError(p.t, err)
	_, err = accept(p.t.Context(), quote.ID)
	require.NoError(p.t, err)
	return quote
}

func TestPhoneCountryAndCurrencyBelongTogetherOverHTTP(t *testing.T) {
	p, ctx, ten := newPartner(t, `{}`), t.Context(), decimal.NewFromInt(10)
	quote := p.acceptedQuote(true, 1300, "cUSD").ID
	for _, tc := range []struct {
		name, path, body, says string
		call                   func() error
		sent                   bool // the client cannot know better
	}{
		{"a deposit from Rwanda", "/transactions/deposit/stkpush", `{"amount":10,"phoneNumber":"` + rwandan + `"}`, "phoneNumber must be a phone number in Kenya or Ghana", func() error {
			_, err := p.client.Fiat.Deposit(ctx, kotani.DepositParams{Amount: ten, PhoneNumber: rwandan, ExternalID: "in-1"})
			return err
		}, true},
		{"a withdrawal to Rwanda", "/transactions/withdraw/momo", `{"amount":10,"phoneNumber":"` + rwandan + `"}`, "phoneNumber must be a phone number in Kenya or Ghana", func() error {
			_, err := p.client.Fiat.Withdraw(ctx, kotani.WithdrawParams{Amount: ten, PhoneNumber: rwandan, ExternalID: "out-1"})
			return err
		}, true},
		{"shillings from Ghana", "/transactions/deposit/quote", `{"acceptedQuoteId":"` + quote + `","phoneNumber":"` + ghanaian + `"}`, "phoneNumber does not belong to KES", func() error {
			_, err := p.client.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: quote, PhoneNumber: ghanaian, ExternalID: "in-2"})
			return err
		}, true},
		{"M-Pesa in Ghana", "/transactions/withdraw/sendToMpesa", `{"phoneNumber":"` + ghanaian + `","txhash":"` + chainHash + `"}`, "phoneNumber does not belong to KES", func() error {
			_, err := p.client.Celo.SendToMpesa(ctx, kotani.SendToMpesaParams{PhoneNumber: ghanaian, TxHash: chainHash})
			return err
		}, false},
		{"a Ghanaian in Kenya", "/stellar/cashout/KE", `{"phoneNumber":"` + ghanaian + `","txHash":"` + chainHash + `"}`, "phoneNumber does not belong to KES", func() error {
			_, err := p.client.Stellar.CashOut(ctx, kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: ghanaian, TxHash: chainHash})
			return err
		}, false},
		{"a Kenyan in Ghana", "/tron/cashout/GH", `{"phoneNumber":"` + kenyan + `","txHash":"` + chainHash + `"}`, "phoneNumber does not belong to GHS", func() error {
			_, err := p.client.Tron.CashOut(ctx, kotani.CashOutParams{Country: kotani.Ghana, PhoneNumber: kenyan, TxHash: chainHash})
			return err
		}, false},
		{"a payout in Rwanda", "/stellar/cashout/RW", `{"phoneNumber":"` + rwandan + `","txHash":"` + chainHash + `"}`, "country not supported", func() error {
			_, err := p.client.Stellar.CashOut(ctx, kotani.CashOutParams{Country: "RW", PhoneNumber: rwandan, TxHash: chainHash})
			return err
		}, true},
		{"USDT for cedis", "/tron/cashin/GH", `{"phoneNumber":"` + ghanaian + `","amount":"10"}`, "only Kenya is supported", func() error {
			_, err := p.client.Tron.CashIn(ctx, kotani.CashInParams{Country: kotani.Ghana, PhoneNumber: ghanaian, Amount: ten})
			return err
		}, true},
	} {
		p.refused(tc.says, tc.path, tc.body)
		err := tc.call()
		if tc.sent {
			assert.ErrorIs(t, err, sdk.ErrRejected, tc.name)
		} else {
			assert.ErrorIs(t, err, sdk.ErrNotSent, tc.name)
		}
	}
	assert.Empty(t, elements(t, get(t, p.admin+"/kotani/transactions"), "transactions"))

	for phone, currency := range map[string]string{kenyan: "KES", ghanaian: "GHS"} {
		assert.Equal(t, currency, p.post("/transactions/deposit/stkpush", `{"amount":10,"phoneNumber":"`+phone+`"}`)["currency"])
		deposit, err := p.client.Fiat.Deposit(ctx, kotani.DepositParams{Amount: ten, PhoneNumber: phone, ExternalID: "in-" + phone})
		require.NoError(t, err)
		assert.Equal(t, currency, deposit.Currency)
	}
	paid, err := p.client.Tron.CashOut(ctx, kotani.CashOutParams{Country: kotani.Ghana, PhoneNumber: ghanaian, TxHash: chainHash})
	require.NoError(t, err)
	assert.Equal(t, "150 GHS", paid.Amount.Decimal.String()+" "+paid.Currency)
}

// The document's quotes have no address. The specification's server wants one.
func TestAQuoteWithTheDocumentsFieldsIsTakenOverHTTP(t *testing.T) {
	for _, strict := range []bool{false, true} {
		p := newPartner(t, fmt.Sprintf(`{"kotani":{"fiat_connect":{"strict_quotes":%t}}}`, strict))
		wallet := p.config.FiatConnect.Signer.Address()
		config := p.config
		config.FiatConnect.Signer = nil // else the client names the wallet by itself
		client := p.with(config)
		quote := kotani.TransferQuoteParams{FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: decimal.NewFromInt(1300), Country: "KE"}
		for path, ask := range map[string]func(context.Context, kotani.TransferQuoteParams) (*kotani.TransferQuote, error){
			"/quote/in": client.FiatConnect.QuoteIn, "/quote/out": client.FiatConnect.QuoteOut,
		} {
			for _, address := range []string{"", wallet} {
				quote.Address = address
				got, err := ask(t.Context(), quote)
				raw := `{"fiatType":"KES","cryptoType":"cUSD","fiatAmount":"1300","country":"KE"}`
				if address != "" {
					raw = strings.Replace(raw, "{", `{"address":"`+address+`",`, 1)
				}
				status, body := p.quote(path, raw)
				if strict && address == "" {
					assert.ErrorIs(t, err, kotani.ErrInvalidParameters)
					assert.Equal(t, http.StatusBadRequest, status, body)
					assert.Contains(t, body, "InvalidParameters")
					continue
				}
				require.NoError(t, err)
				assert.NotEmpty(t, got.ID)
				assert.Equal(t, http.StatusOK, status, body)
			}
		}
	}
}

func (p *partner) quote(path, body string) (int, string) {
	p.t.Helper()
	return ask(p.t, http.MethodPost, p.config.FiatConnect.BaseURL+path, body)
}

// Shillings are Kenya's and cedis Ghana's in the FiatConnect section too: the client
// refuses the other pair, and so does the server (assumed).
func TestATransferQuoteIsInTheCurrencyOfItsCountryOverHTTP(t *testing.T) {
	p := newPartner(t, `{}`)
	for _, tc := range []struct {
		fiat    kotani.FiatType
		country string
		fits    bool
	}{
		{kotani.FiatKES, "KE", true}, {kotani.FiatGHS, "GH", true}, {kotani.FiatKES, "GH", false}, {kotani.FiatGHS, "KE", false}, {"USD", "KE", true},
	} {
		_, err := p.client.FiatConnect.QuoteIn(t.Context(), kotani.TransferQuoteParams{FiatType: tc.fiat, CryptoType: kotani.CryptoCUSD, CryptoAmount: decimal.NewFromInt(10), Country: tc.country})
		status, body := p.quote("/quote/in", fmt.Sprintf(`{"fiatType":%q,"cryptoType":"cUSD","cryptoAmount":"10","country":%q}`, tc.fiat, tc.country))
		if tc.fits {
			assert.NoError(t, err, tc)
			assert.Equal(t, http.StatusOK, status, body)
			continue
		}
		assert.ErrorIs(t, err, sdk.ErrNotSent, tc)
		assert.Equal(t, http.StatusBadRequest, status, tc)
		assert.Contains(t, body, "FiatNotSupported")
	}
}

func TestLoginsNameTheirCountryInTwoOrThreeLettersOverHTTP(t *testing.T) {
	for country, codes := range map[string][]string{"KE": {"KE", "KEN"}, "GH": {"GH", "GHA"}} {
		p := newPartner(t, `{"kotani":{"country":"`+country+`"}}`)
		for _, code := range []string{"KE", "KEN", "GH", "GHA", "RW"} {
			status, _ := ask(t, "POST", p.base+"/api/login", `{"phoneNumber":"254700000000","countryCode":"`+code+`","password":"test-password"}`)
			config := p.config
			config.CountryCode = code
			err := p.with(config).Login(t.Context())
			if strings.Contains(strings.Join(codes, " ")+" ", code+" ") {
				assert.Equal(t, http.StatusOK, status, code)
				assert.NoError(t, err, code)
			} else {
				assert.Equal(t, http.StatusBadRequest, status, code)
				assert.ErrorIs(t, err, sdk.ErrUnauthorized, code)
			}
		}
	}
}

func TestMerchantsTillsAndFeesAreToldApartOverHTTP(t *testing.T) {
	p, ctx := newPartner(t, `{}`), t.Context()
	bill, err := p.client.Fiat.PayBill(ctx, kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: decimal.NewFromInt(150), CallbackURL: p.callbacks})
	require.NoError(t, err)
	till, err := p.client.Fiat.PayTill(ctx, kotani.PayTillParams{TillNumber: "5656", Amount: decimal.NewFromInt(150), CallbackURL: p.callbacks})
	require.NoError(t, err)
	rawBill := p.post("/transactions/paybill", `{"merchantNumber":"888880","accountNumber":"02","amount":"50.5"}`)
	assert.Equal(t, "1", rawBill["fee"], "1 %, rounded up to whole shillings")
	rawTill := p.post("/transactions/till", `{"merchantTill":"5657","amount":"50"}`)
	assert.NotContains(t, rawTill, "fee", "free of charge")
	p.advance(10)
	wantBill := func(paid kotani.Transaction) {
		assert.Equal(t, []string{"888880", "01", "", "150", "2"}, []string{paid.MerchantNumber, paid.AccountNumber, paid.TillNumber, paid.Amount.Decimal.String(), paid.Fee.Decimal.String()})
	}
	wantTill := func(paid kotani.Transaction) {
		assert.Equal(t, []string{"", "", "5656", "150"}, []string{paid.MerchantNumber, paid.AccountNumber, paid.TillNumber, paid.Amount.Decimal.String()})
		assert.False(t, paid.Fee.Valid)
	}
	for _, told := range p.heard() {
		map[string]func(kotani.Transaction){bill.RequestID: wantBill, till.RequestID: wantTill}[told.RequestID](told)
	}
	shown, err := p.client.Fiat.Get(ctx, bill.RequestID)
	require.NoError(t, err)
	wantBill(*shown)
	shown, err = p.client.Fiat.Get(ctx, till.RequestID)
	require.NoError(t, err)
	wantTill(*shown)
	listed := elements(t, p.send("GET", "/transactions?transactionType=Payouts&orderBy=asc", ""), "result")
	require.Len(t, listed, 4)
	for i, want := range []string{"888880 01 <nil> 2", "<nil> <nil> 5656 <nil>", "888880 02 <nil> 1", "<nil> <nil> 5657 <nil>"} {
		row := listed[i]
		assert.Equal(t, want, fmt.Sprint(row["merchantNumber"], " ", row["accountNumber"], " ", row["merchantTill"], " ", row["fee"]))
	}
	assert.Equal(t, "999596.5", p.balance("KES"), "amounts and fees")
}

func TestClaimsAndBoughtCeloAreAmongAllTransactionsOverHTTP(t *testing.T) {
	p, ctx := newPartner(t, `{}`), t.Context()
	who := kotani.UBIParams{PhoneNumber: kenyan, ProgramID: "p-1"}
	rawWho := `{"phoneNumber":"` + kenyan + `","programId":"p-1"}`
	buy := kotani.BuyCeloParams{PhoneNumber: kenyan, Amount: decimal.RequireFromString("1.5")}
	rawBuy := `{"phoneNumber":"` + kenyan + `","celoAmount":"2"}`

	// Nothing of this is for somebody who is no user.
	_, err := p.client.UBI.SetBeneficiary(ctx, who)
	assert.ErrorIs(t, err, sdk.ErrNotFound)
	_, err = p.client.UBI.Claim(ctx, who)
	assert.ErrorIs(t, err, sdk.ErrForbidden)
	for _, path := range []string{"setBeneficiary", "checkIfBeneficiary"} {
		p.refused("user does not exist", "/transactions/ubi/"+path, rawWho)
	}
	p.refused("user is not approved as a beneficiary", "/transactions/ubi/claimfunds", rawWho)
	_, err = p.client.Celo.Buy(ctx, buy)
	assert.ErrorIs(t, err, sdk.ErrNotFound)
	assert.Equal(t, map[string]any{"status": "user not found"}, p.post("/dex/buyCelo", rawBuy))

	// The status of a verification is a string.
	_, err = p.client.KYC.CreateUser(ctx, kenyan)
	require.NoError(t, err)
	for _, want := range []string{"unverified", "verified"} {
		assert.Equal(t, map[string]any{"status": want}, p.post("/kyc/user/isverifiedcheck", `{"phoneNumber":"`+kenyan+`"}`))
		seen, err := p.client.KYC.VerifyUser(ctx, kenyan)
		require.NoError(t, err)
		assert.Equal(t, want, seen.Status)
		assert.Equal(t, want == "verified", seen.Verified)
		_, err = p.client.KYC.UpdateUser(ctx, kotani.UpdateUserParams{PhoneNumber: kenyan, FirstName: "Jane", LastName: "Doe", Email: "jane@example.com"})
		require.NoError(t, err)
	}

	_, err = p.client.UBI.SetBeneficiary(ctx, who)
	require.NoError(t, err)
	_, err = p.client.UBI.Claim(ctx, who)
	require.NoError(t, err)
	p.advance(24 * 3600)
	assert.Equal(t, 201.0, p.post("/transactions/ubi/claimfunds", rawWho)["status"])
	_, err = p.client.Celo.Buy(ctx, buy)
	require.NoError(t, err)
	assert.Equal(t, "260", p.post("/dex/buyCelo", rawBuy)["details"].(map[string]any)["price"])
	p.advance(10)
	assert.Equal(t, "1000000", p.balance("KES"), "the user's phone is charged, not the partner")
	assert.Equal(t, "9998", p.balance("cUSD"), "two claims")

	all, err := p.client.Fiat.List(ctx, kotani.TransactionListOptions{OrderBy: "asc"})
	require.NoError(t, err)
	listed := elements(t, p.send("GET", "/transactions?orderBy=asc", ""), "result")
	require.Len(t, all.Items, 4)
	require.Len(t, listed, 4)
	for i, want := range []string{"Payouts 1 cUSD", "Payouts 1 cUSD", "Collections 195 KES", "Collections 260 KES"} {
		item, row := all.Items[i], listed[i]
		assert.Equal(t, want, fmt.Sprint(item.Type, " ", item.Amount.Decimal, " ", item.Currency))
		assert.Equal(t, want, fmt.Sprint(row["transactionType"], " ", row["amount"], " ", row["currency"]))
		assert.Equal(t, kenyan, item.PhoneNumber)
		assert.Equal(t, kotani.StatusSuccessful, item.Status)
		assert.NotEmpty(t, item.TxHash)
	}
}

func TestAnAcceptedQuoteOutIsUsedOnceOverHTTP(t *testing.T) {
	p, ctx := newPartner(t, `{}`), t.Context()
	quote := p.acceptedQuote(false, 10, "USDC").ID
	payout := kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: kenyan, TxHash: chainHash, AcceptedQuoteID: quote}
	_, err := p.client.Tron.CashOut(ctx, payout)
	assert.ErrorIs(t, err, sdk.ErrRejected, "a quote for another coin")
	raw := `{"phoneNumber":"` + kenyan + `","txHash":"` + chainHash + `","acceptedQuoteId":"` + quote + `"}`
	p.refused("quote is for another payment", "/tron/cashout/KE", raw)
	open, err := p.client.Quotes.Out(ctx, kotani.QuoteParams{Amount: decimal.NewFromInt(10), Currency: "KES", CryptoType: "USDC"})
	require.NoError(t, err)
	p.refused("quote is not accepted", "/stellar/cashout/KE", strings.Replace(raw, quote, open.ID, 1))

	paid, err := p.client.Stellar.CashOut(ctx, payout)
	require.NoError(t, err)
	assert.Equal(t, "1300", paid.Amount.Decimal.String())
	payout.TxHash = strings.ReplaceAll(chainHash, "7", "8")
	_, err = p.client.Stellar.CashOut(ctx, payout)
	assert.ErrorIs(t, err, sdk.ErrDuplicate)
	p.refused("quote already used", "/stellar/cashout/KE", strings.Replace(raw, chainHash, payout.TxHash, 1))
	p.post("/quotes/out/accept", `{"quoteId":"`+open.ID+`"}`)
	assert.Equal(t, "1300", p.post("/stellar/cashout/KE", strings.NewReplacer(quote, open.ID, chainHash, payout.TxHash).Replace(raw))["amount"])
}

func TestTheMintedCallbackOfAQuotedDepositIsDeliveredOverHTTP(t *testing.T) {
	p, ctx := newPartner(t, `{}`), t.Context()
	var handler http.Handler
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(receiver.Close)
	caps, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kotani", BaseURL: receiver.URL + "/hooks/kotani"}, strings.Repeat("k", 32))
	require.NoError(t, err)
	config := p.config
	config.CallbackURL = caps.Mint
	client := p.with(config)
	var mu sync.Mutex
	var heard []string
	handler, err = webhook.NewKotani(client.Fiat, kotani.Collections, webhook.Config[kotani.Transaction]{
		Auth: caps,
		Handle: func(_ context.Context, e webhook.Event[kotani.Transaction]) error {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, fmt.Sprint(e.Reference, " ", e.Status, " ", e.Trust, " ", e.Amount.Decimal, " ", e.Currency))
			return nil
		},
	})
	require.NoError(t, err)
	for id, phone := range map[string]string{"order-1": kenyan, "order-2": "254712340001"} {
		quote := p.acceptedQuote(true, 1300, "cUSD")
		asked, err := client.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: quote.ID, PhoneNumber: phone, ExternalID: id, Amount: quote.FiatAmount.Decimal})
		require.NoError(t, err)
		assert.Equal(t, kotani.StatusPending, asked.Status)
	}
	_, err = client.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: p.acceptedQuote(true, 1300, "cUSD").ID, PhoneNumber: kenyan, ExternalID: "order-3"})
	require.NoError(t, err)
	p.advance(10)
	deliveries := elements(t, get(t, p.admin+"/deliveries?provider=kotani"), "deliveries")
	assert.Len(t, deliveries, 2, "no URL is minted without an amount")
	for _, d := range deliveries {
		assert.Equal(t, "delivered", d["state"])
	}
	mu.Lock()
	defer mu.Unlock()
	assert.ElementsMatch(t, []string{"order-1 SUCCESSFUL confirmed 1300 KES", "order-2 FAILED confirmed 1300 KES"}, heard)
}

func TestTheBanksOfTheDocumentArePaidOverHTTP(t *testing.T) {
	p, ctx := newPartner(t, `{}`), t.Context()
	require.Len(t, kotani.Banks(), 24)
	for _, bank := range kotani.Banks() {
		assert.NotEmpty(t, bank.Name(), bank)
		paid, err := p.client.Fiat.WithdrawToBank(ctx, kotani.BankWithdrawParams{
			Amount: decimal.NewFromInt(20), AccountNumber: "0123456789", AccountName: "Jane Doe", Bank: bank, ExternalID: "bank-" + string(bank),
		})
		require.NoError(t, err, bank.Name())
		assert.Equal(t, bank, paid.Bank)
		raw := p.post("/transactions/withdraw/bank", `{"amount":20,"accountNumber":"0123456789","accountName":"Jane Doe","serviceProviderId":"`+string(bank)+`"}`)
		assert.Equal(t, string(bank), raw["serviceProviderId"])
	}
	assert.Equal(t, "Kenya Commercial Bank", kotani.BankKCB.Name())
	assert.Empty(t, kotani.BankCode("99").Name())
	_, err := p.client.Fiat.WithdrawToBank(ctx, kotani.BankWithdrawParams{
		Amount: decimal.NewFromInt(20), AccountNumber: "0123456789", AccountName: "Jane Doe", Bank: "99", ExternalID: "bank-99",
	})
	assert.ErrorIs(t, err, sdk.ErrValidation)
	p.refused("invalid serviceProviderId", "/transactions/withdraw/bank", `{"amount":20,"accountNumber":"0123456789","accountName":"Jane Doe","serviceProviderId":"99"}`)
}
