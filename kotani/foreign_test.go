package kotani_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
)

// fakesRefusals are the fake's texts by the operation that gives them, where the
// operator's samples of 2022 do not have them.
var fakesRefusals = map[string][]string{
	kotani.OpDeposit: {"insufficient balance", "user account does not exist", "user account is not verified"},
	kotani.OpDepositQuoted: {
		"insufficient balance", "user account does not exist", "user account is not verified",
		"quote not found", "quote expired", "quote is not accepted", "quote already used",
	},
	kotani.OpWithdrawToBank: {"insufficient balance"},
	kotani.OpPayBill:        {"insufficient balance"},
	kotani.OpPayTill:        {"insufficient balance"},
	kotani.OpStellarCashOut: {"insufficient balance", "Invalid Hash", "Transaction Hash is already processed", "country not supported"},
	kotani.OpTronCashOut:    {"insufficient balance", "Invalid Hash", "Transaction Hash is already processed", "country not supported"},
	kotani.OpTronCashIn:     {"country not supported", "only Kenya is supported"},
	kotani.OpUBIClaim:       {"not verified", "user account is not verified", "user is not approved as a beneficiary", "Not yet time, try again at 2026-11-30T09:00:00.000Z"},
	kotani.OpCreateOrder:    {"currency not supported"},
	kotani.OpCloseOrder:     {"order not found", "order is already paid", "order has failed already", "order is already closed"},
	kotani.OpQueryOrder:     {"order not found"},
	kotani.OpQuoteIn:        {"currency not supported", "cryptoType not supported", "amount is too small"},
	kotani.OpAcceptQuoteIn:  {"quote not found", "quote expired", "quote already accepted"},
	kotani.OpAcceptQuoteOut: {"quote not found", "quote expired", "quote already accepted"},
	kotani.OpBalance:        {"chain not supported"},
	kotani.OpSetBeneficiary: {"user does not exist"},
	kotani.OpUpdateUser:     {"user does not exist"},
	kotani.OpStatusByRequestID: {
		"transaction not found", "Transaction does not exist",
	},
}

// nobodysRefusals have a form that no operation's refusal has, or say too little.
var nobodysRefusals = []string{
	`{"status":400,"message":"insufficient balance"}`, `{"status":400,"error":"insufficient balance"}`, `{"status":400,"message":"amount is required"}`,
	`{"status":400}`, `{"status":401}`, `{"status":404}`, `{"status":"unverified"}`, `{"status":"Unauthorized"}`, `{"status":"phonenumber not found"}`,
	`{"status":"transaction not found"}`, `{"status":400,"desc":""}`, `{"status":400,"desc":"cannot find user"}`, `{"status":400,"desc":"not found"}`,
	`{"status":404,"desc":"quote not found"}`, `{"status":404,"desc":"not found"}`, `{"status":404,"desc":"insufficient balance"}`,
	`{"status":409,"desc":"insufficient balance"}`, `{"status":403,"desc":"user account is not verified"}`, `{"status":400,"desc":"no"}`, `{"status":401,"desc":"Unauthorized"}`,
	`{"status":400,"desc":"user not found"}`, `{"status":"insufficient balance"}`, `{"status":"user not found","desc":"insufficient balance of nobody"}`,
	`{"status":400,"desc":"insufficient balance was topped up"}`, `{"status":400,"desc":"amount is being paid"}`, `{"status":400,"desc":"invalid"}`, `{"status":400,"desc":"is required"}`,
}

// fieldsOfAll are the fields that a request of the API can have.
var fieldsOfAll = []string{
	"amount", "celoAmount", "phoneNumber", "merchantNumber", "accountNumber", "merchantTill", "accountName", "serviceProviderId", "txHash",
	"acceptedQuoteId", "externalId", "callback", "name", "email", "description", "programId", "quoteId", "prepayId", "goodsName", "currency", "chain", "password",
}

// ownRefusal reports that a refusal has a text of the operation's. The text of a balance
// is known by its "user".
func ownRefusal(known map[string][]string, op, body string) bool {
	said := func(body string) (desc string) {
		var w struct{ Desc string }
		if json.Unmarshal([]byte(body), &w) == nil && strings.Contains(body, `"status":40`) && !strings.Contains(body, `"user"`) {
			desc = w.Desc
		}
		return desc
	}
	for other, ops := range known {
		if slices.Contains(ops, op) && (body == other || said(body) != "" && said(body) == said(other) && known[body] != nil) {
			return true
		}
	}
	return false
}

// knownRefusals are all refusals that the package knows, with the operations that give them.
func knownRefusals(t *testing.T) map[string][]string {
	t.Helper()
	known := map[string][]string{}
	for op, responses := range operator2022(t) {
		for _, body := range responses.Failure {
			known[canonical(t, body)] = append(known[canonical(t, body)], op)
		}
	}
	for op, texts := range fakesRefusals {
		for _, text := range texts {
			body := canonical(t, json.RawMessage(fmt.Sprintf(`{"status":400,"desc":%q}`, text)))
			known[body] = append(known[body], op)
		}
	}
	known[canonical(t, json.RawMessage(`{"status":400,"desc":"Not a beneficiary"}`))] = []string{kotani.OpIsBeneficiary}
	for _, body := range nobodysRefusals {
		known[canonical(t, json.RawMessage(body))] = nil
	}
	return known
}

func TestAPaymentBelievesItsOwnRefusalsAlone(t *testing.T) {
	known := knownRefusals(t)
	var many clienttest.Sixteenth
	for method, row := range payments {
		if row.Class == sdk.Keyed {
			continue // the refusals of FiatConnect are codes
		}
		believed := 0
		told := func(body string, own bool) {
			if !own && many.LeavesOut() {
				return
			}
			for _, status := range []int{200, 400} {
				if status == 400 && !strings.Contains(body, "desc") {
					continue // under an HTTP error a text is needed
				}
				synctest.Test(t, func(t *testing.T) {
					err := wireCalls[method].call(t.Context(), newClient(t, newScript(respond(status, body), isAbsent), func(c *kotani.Config) { c.MaxAttempts = 1 }))
					e := failure(t, err)
					want := sdk.Unknown
					// A duplicate may be this very payment. A prepared one is looked for by the caller.
					if own && (!strings.Contains(body, "already") || strings.Contains(method, "Prepare")) {
						want = sdk.Rejected
					}
					assert.Equal(t, want, e.Outcome, "%s: HTTP %d: %s", method, status, body)
					if own {
						believed++
						assert.NotErrorIs(t, err, sdk.ErrUnexpectedResponse, "%s: %s", method, body)
					}
				})
			}
		}
		for body := range known {
			told(body, ownRefusal(known, row.Name, body) || body == `{"desc":"invalid phoneNumber","status":400}` && sends(t, method, "phoneNumber"))
		}
		assert.NotZero(t, believed, method)
		for _, field := range fieldsOfAll {
			for _, form := range []string{"%s is required", "invalid %s", "%s must be a number"} {
				told(`{"status":400,"desc":"`+fmt.Sprintf(form, field)+`"}`, sends(t, method, field))
			}
		}
		told(`{"status":400,"desc":"externalId already exists"}`, sends(t, method, "externalId"))
	}
}

// sends reports whether the request of a method has a field.
func sends(t *testing.T, method, field string) (has bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(gateway, isAbsent)
		_ = wireCalls[method].call(t.Context(), newClient(t, s, func(c *kotani.Config) { c.MaxAttempts = 1 }))
		for name := range shape(t, []byte(s.requests()[0].Body)) {
			has = has || strings.EqualFold(name, field)
		}
	})
	return has
}

func TestARefusedQuoteRefusesTheCashOutThatSendsIt(t *testing.T) {
	for _, text := range []string{"quote not found", "quote is not accepted", "quote already used", "quote is for another payment"} {
		for quote, outcome := range map[string]sdk.Outcome{"": sdk.Unknown, "q-1": sdk.Rejected} {
			s := newScript(respond(200, `{"status":400,"desc":"`+text+`"}`))
			_, err := newClient(t, s).Tron.CashOut(t.Context(), kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: customer, TxHash: hash, AcceptedQuoteID: quote})
			if strings.Contains(text, "already") {
				outcome = sdk.Unknown
				assert.Equal(t, quote != "", errors.Is(err, sdk.ErrDuplicate))
			}
			assert.Equal(t, outcome, failure(t, err).Outcome, "%s, quote %q", text, quote)
		}
	}
}

// The other writes believe their own refusals, too.
func TestAWriteBelievesItsOwnRefusals(t *testing.T) {
	known := knownRefusals(t)
	for method, call := range wireCalls {
		for _, row := range kotani.Operations() {
			if row.Name != call.op || row.Class == sdk.Safe || row.MovesMoney || strings.HasPrefix(row.Name, "fiatconnect.") {
				continue
			}
			for body := range known {
				own := ownRefusal(known, row.Name, body) || body == `{"desc":"invalid phoneNumber","status":400}` && sends(t, method, "phoneNumber")
				err := call.call(t.Context(), newClient(t, newScript(respond(200, body))))
				if !own {
					assert.NotErrorIs(t, err, sdk.ErrRejected, "%s: %s", method, body)
				} else if !strings.Contains(body, "already accepted") {
					assert.ErrorIs(t, err, sdk.ErrRejected, "%s: %s", method, body)
				}
			}
		}
	}
}

// fakesSuccesses are what the fake responds to every operation of Kotani's own API, by
// operation: to requests that agree in phone number, amount, external id and hash.
func fakesSuccesses(t *testing.T, flat bool) map[string][]string {
	t.Helper()
	seen := map[string][]string{}
	synctest.Test(t, func(t *testing.T) {
		w := newWorldWith(t, kotanitest.Config{Quirks: kotanitest.Quirks{FlatResponses: flat}})
		spy := &spying{RoundTripper: w.config.HTTPClient.Transport}
		cfg := w.config
		cfg.HTTPClient = &http.Client{Transport: spy}
		var err error
		w.client, err = kotani.New(cfg)
		require.NoError(t, err)
		spy.seen = func(path, body string) {
			path = strings.TrimPrefix(path, "/api_v2")
			for _, row := range kotani.Operations() {
				form := "^" + regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(row.Path, "[^/]+") + "$"
				if regexp.MustCompile(form).MatchString(path) {
					seen[row.Name] = append(seen[row.Name], body)
				}
			}
		}
		ctx, c := t.Context(), w.client
		for _, wr := range equalWrites(w.quote, "-in", "-bank", "-quoted") {
			assert.NoError(t, wr.call(ctx, c), wr.op)
		}
		_, _ = c.KYC.UpdateUser(ctx, kotani.UpdateUserParams{PhoneNumber: customer, FirstName: "J", LastName: "D", Email: "e@example.com"})
		_, _ = c.KYC.VerifyUser(ctx, customer)
		_, _ = c.KYC.FindUser(ctx, customer)
		_, _ = c.KYC.ListUsers(ctx)
		_, _ = c.KYC.CreateUser(ctx, "254733333333")
		_, _ = c.OnChain.Balance(ctx, customer, kotani.ChainCelo)
		_, _ = c.OnChain.EscrowRates(ctx)
		_, _ = c.UBI.IsBeneficiary(ctx, ubi)
		_, _ = c.UBI.SetBeneficiary(ctx, kotani.UBIParams{PhoneNumber: "254733333333", ProgramID: "p-1"})
		quote, err := c.Quotes.In(ctx, kotani.QuoteParams{Amount: twenty, Currency: "KES", CryptoType: "cUSD"})
		require.NoError(t, err)
		_, _ = c.Quotes.AcceptIn(ctx, quote.ID)
		order, err := c.Binance.CreateOrder(ctx, kotani.CreateOrderParams{
			Amount: twenty, GoodsName: "g", GoodsDetail: "g", Currency: "USDT", ReturnURL: "https://merchant.example/ok", CancelURL: "https://merchant.example/no",
		})
		require.NoError(t, err)
		require.NoError(t, w.MoveOrder(order.PrepayID, kotani.OrderPaid))
		_, err = c.Binance.GetOrder(ctx, order.PrepayID)
		require.NoError(t, err)
		for _, made := range w.Transactions() {
			_, _ = c.Fiat.Get(ctx, made.RequestID)
		}
		_, _ = c.Fiat.List(ctx, kotani.TransactionListOptions{})
	})
	return seen
}

// spying tells what is responded, by the path.
type spying struct {
	http.RoundTripper
	seen func(path, body string)
}

func (s *spying) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if s.seen != nil {
		s.seen(req.URL.Path, string(body))
	}
	return resp, err
}

type equalWrite struct {
	op   string
	call func(context.Context, *kotani.Client) error
}

// equalWrites are the payments of Kotani's own API with the same parameters, as far as
// they have them. The fake wants other external ids
// and hashes for some of them.
func equalWrites(quote, in, bank, quoted string) []equalWrite {
	with := func(amount decimal.Decimal, externalID string) []equalWrite {
		without := externalID == ""
		return []equalWrite{
			{kotani.OpDeposit, func(ctx context.Context, c *kotani.Client) error {
				return wireError(c.Fiat.Deposit(ctx, kotani.DepositParams{Amount: amount, PhoneNumber: customer, ExternalID: externalID, AllowNoExternalID: without}))
			}},
			{kotani.OpWithdraw, func(ctx context.Context, c *kotani.Client) error {
				return wireError(c.Fiat.Withdraw(ctx, kotani.WithdrawParams{Amount: amount, PhoneNumber: customer, ExternalID: externalID, AllowNoExternalID: without}))
			}},
			{kotani.OpTronCashIn, func(ctx context.Context, c *kotani.Client) error {
				return wireError(c.Tron.CashIn(ctx, kotani.CashInParams{Country: kotani.Kenya, Amount: amount, PhoneNumber: customer, ExternalID: strings.Replace(externalID, "-1", "-1"+in, 1)}))
			}},
			{kotani.OpWithdrawToBank, func(ctx context.Context, c *kotani.Client) error {
				return wireError(c.Fiat.WithdrawToBank(ctx, kotani.BankWithdrawParams{
					Amount: amount, AccountNumber: "01", AccountName: "Jane", Bank: kotani.BankKCB, ExternalID: strings.Replace(externalID, "-1", "-1"+bank, 1), AllowNoExternalID: without,
				}))
			}},
		}
	}
	tron, mpesa := hash, hash
	if in != "" {
		tron, mpesa = strings.Replace(hash, "11", "22", 1), strings.Replace(hash, "11", "33", 1)
	}
	return append(append(with(twenty, "order-1"), with(twenty, "")...), []equalWrite{
		{kotani.OpDepositQuoted, func(ctx context.Context, c *kotani.Client) error {
			return wireError(c.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: quote, PhoneNumber: customer, ExternalID: "order-1" + quoted}))
		}},
		{kotani.OpPayBill, func(ctx context.Context, c *kotani.Client) error {
			return wireError(c.Fiat.PayBill(ctx, kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: twenty}))
		}},
		{kotani.OpPayTill, func(ctx context.Context, c *kotani.Client) error {
			return wireError(c.Fiat.PayTill(ctx, kotani.PayTillParams{TillNumber: "12345", Amount: twenty}))
		}},
		{kotani.OpStellarCashOut, func(ctx context.Context, c *kotani.Client) error {
			return wireError(c.Stellar.CashOut(ctx, kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: customer, TxHash: hash}))
		}},
		{kotani.OpTronCashOut, func(ctx context.Context, c *kotani.Client) error {
			return wireError(c.Tron.CashOut(ctx, kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: customer, TxHash: tron}))
		}},
		{kotani.OpSendToMpesa, func(ctx context.Context, c *kotani.Client) error {
			return wireError(c.Celo.SendToMpesa(ctx, kotani.SendToMpesaParams{PhoneNumber: customer, TxHash: mpesa}))
		}},
		{kotani.OpBuyCelo, func(ctx context.Context, c *kotani.Client) error {
			return wireError(c.Celo.Buy(ctx, kotani.BuyCeloParams{PhoneNumber: customer, Amount: twenty}))
		}},
		{kotani.OpUBIClaim, func(ctx context.Context, c *kotani.Client) error { return wireError(c.UBI.Claim(ctx, ubi)) }},
	}...)
}

// Pairs of operations whose responses no document tells apart.
var alike = map[string][]string{
	// The same flat or wrapped form, and the same phone number, amount and external id.
	kotani.OpDeposit:       {kotani.OpDepositQuoted, kotani.OpTronCashIn},
	kotani.OpDepositQuoted: {kotani.OpDeposit, kotani.OpTronCashIn},
	kotani.OpTronCashIn:    {kotani.OpDeposit, kotani.OpDepositQuoted},
	// No response is documented to name the merchant. A paybill need not show its fee.
	kotani.OpPayBill: {kotani.OpPayTill},
	// A hash has one form on all chains. The same hash and phone number on two chains is no accident.
	kotani.OpStellarCashOut: {kotani.OpTronCashOut},
	kotani.OpTronCashOut:    {kotani.OpStellarCashOut},
}

func TestAPaymentBelievesNoSuccessOfAnotherOperation(t *testing.T) {
	known := map[string][]string{}
	for _, op := range kotani.Operations() {
		if body, err := os.ReadFile("../testdata/kotani/" + op.Name + ".response.json"); err == nil {
			known[op.Name] = append(known[op.Name], string(body), about(op.Name, string(body)))
		}
		for _, body := range operator2022(t)[op.Name].Success {
			known[op.Name] = append(known[op.Name], string(body))
		}
	}
	for _, flat := range []bool{false, true} {
		for op, bodies := range fakesSuccesses(t, flat) {
			known[op] = append(known[op], bodies...)
		}
	}
	rows := map[string]bool{}
	believed := map[string]bool{}
	var many clienttest.Sixteenth
	for _, wr := range equalWrites("q-1", "", "", "") {
		rows[wr.op] = true
		for op, bodies := range known {
			lookup := op == kotani.OpStatusByRequestID || op == kotani.OpStatusByExternalID
			for _, body := range bodies {
				if op != wr.op && many.LeavesOut() {
					continue
				}
				// All transactions have the same reference, hash and recipient.
				body = regexp.MustCompile(`order-1-(in|bank|quoted)`).ReplaceAllString(body, "order-1")
				body = strings.NewReplacer(strings.Replace(hash, "11", "22", 1), hash, strings.Replace(hash, "11", "33", 1), hash).Replace(body)
				synctest.Test(t, func(t *testing.T) {
					err := wr.call(t.Context(), newClient(t, newScript(respond(200, body), isAbsent), func(c *kotani.Config) { c.MaxAttempts = 1 }))
					switch {
					case op == wr.op:
						believed[op] = believed[op] || err == nil
					case slices.Contains(alike[wr.op], op):
					case lookup && err == nil: // about a transaction of this kind, with the reference if there is one
						assert.Regexp(t, `"(254712345678|order-1|01)"`, body, "%s: %s of %s", wr.op, body, op)
					default:
						assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "%s: %s of %s", wr.op, body, op)
					}
				})
			}
		}
		assert.True(t, believed[wr.op], "%s: its own response", wr.op)
	}
	for _, row := range kotani.Operations() {
		assert.Equal(t, row.MovesMoney && row.Class != sdk.Keyed, rows[row.Name], row.Name)
	}
}

// Without a reference the recipient tells whose a response is.
func TestWithoutAReferenceTheResponseShowsTheRecipientAndNoHash(t *testing.T) {
	bank := kotani.BankWithdrawParams{Amount: twenty, AccountNumber: "01", AccountName: "Jane", Bank: kotani.BankKCB, AllowNoExternalID: true}
	deposit := kotani.DepositParams{Amount: twenty, PhoneNumber: customer, AllowNoExternalID: true}
	for body, good := range map[string]bool{`{"id":7,"amount":"20"}`: false, `{"id":7,"amount":"20","accountNumber":"01"}`: true} {
		_, err := newClient(t, newScript(respond(200, body))).Fiat.WithdrawToBank(t.Context(), bank)
		assert.Equal(t, !good, errors.Is(err, sdk.ErrOutcomeUnknown), "%s: %v", body, err)
	}
	for members, good := range map[string]bool{``: true, `,"txhash":"` + hash + `"`: false} {
		_, err := newClient(t, newScript(respond(200, `{"result":{"requestId":"7","amount":"20","phoneNumber":"`+customer+`"`+members+`}}`))).Fiat.Deposit(t.Context(), deposit)
		assert.Equal(t, !good, errors.Is(err, sdk.ErrOutcomeUnknown), "%s: %v", members, err)
	}
}
