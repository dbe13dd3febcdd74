package kotani_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

const (
	wireGolden      = "../testdata/kotani/requests.golden"
	wireFiatConnect = "fc.example" // where the configured client finds the section
	wireAddress     = "0x52908400098527886E0F7030069857D2E4169EE7"
	wireHash        = "0x1111111111111111111111111111111111111111111111111111111111111111"
	wireCallback    = "https://merchant.example/kotani?tenant=a&b=é"
)

// The clients differ by their settings: those that all operations need, every
// setting that shows on the wire, or none.
const (
	wirePlain = iota
	wireConfigured
	wireBare
)

// wireClient is the only place that makes a client.
func wireClient(t *testing.T, rt http.RoundTripper, settings int) *kotani.Client {
	t.Helper()
	cfg := kotani.Config{
		BaseURL: "https://kotani.example/api_v2", PhoneNumber: "254700000000", CountryCode: "KEN", Password: `wire&"password"`,
		Options:     sdk.Options{HTTPClient: &http.Client{Transport: rt}, MaxAttempts: 1},
		FiatConnect: kotani.FiatConnectConfig{Signer: wireWallet(wireAddress)},
	}
	switch settings {
	case wireConfigured:
		cfg.PhoneNumber = "+233200000000"
		cfg.CallbackURL = func(externalID string, amount decimal.Decimal, currency string) (string, error) {
			return "https://merchant.example/minted?" + url.Values{"id": {externalID}, "amount": {amount.String()}, "currency": {currency}}.Encode(), nil
		}
		cfg.FiatConnect = kotani.FiatConnectConfig{
			Signer: wireWallet(wireAddress), BaseURL: "https://" + wireFiatConnect + "/v1/", APIKey: "wire-api-key",
			Domain: "login.example:8443", ChainID: kotani.CeloAlfajores, Statement: `Hello & "welcome"`, SessionLifetime: time.Hour,
		}
	case wireBare:
		cfg = kotani.Config{BaseURL: cfg.BaseURL, Options: sdk.Options{HTTPClient: cfg.HTTPClient, MaxAttempts: 1}}
	}
	client, err := kotani.New(cfg)
	require.NoError(t, err)
	return client
}

// wireWallet is an address that signs everything alike.
type wireWallet string

func (w wireWallet) Address() string { return string(w) }

func (w wireWallet) SignMessage(context.Context, []byte) ([]byte, error) {
	return bytes.Repeat([]byte{0xab}, 65), nil
}

// TestTheWireOfEveryOperation compares each request byte for byte with the golden
// file. UPDATE_GOLDEN=1 writes the file anew.
func TestTheWireOfEveryOperation(t *testing.T) {
	recorder := &wireRecorder{rows: kotani.Operations(), sent: map[string]bool{}}
	for settings, cases := range [][]wireCase{wirePlain: wireCases, wireConfigured: wireConfiguredCases, wireBare: wireBareCases} {
		client := wireClient(t, recorder, settings)
		for i, c := range cases {
			recorder.label = c.label
			before := recorder.count
			assert.NoError(t, c.call(t.Context(), client), "case %d (%s)", i, c.label)
			assert.Greater(t, recorder.count, before, "case %d (%s) sends nothing", i, c.label)
		}
	}
	for _, row := range recorder.rows {
		assert.True(t, recorder.sent[row.Name], "no request of %s was sent", row.Name)
	}
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		require.NoError(t, os.WriteFile(wireGolden, recorder.text.Bytes(), 0o644))
	}
	want, err := os.ReadFile(wireGolden)
	require.NoError(t, err)
	assert.Equal(t, string(want), recorder.text.String())
}

// A wrong path, or a proxy's page, must not look like an object that does not exist.
func TestA404OfSomebodyElsesIsNoAbsence(t *testing.T) {
	loggedIn := clienttest.Respond(200, wireResponse, "Set-Cookie", "session=wire-session; Path=/; HttpOnly; Secure")
	clienttest.CheckForeignNotFound(t, "/login", loggedIn, func(t *testing.T, over http.RoundTripper) map[string]func() error {
		calls := map[string]func() error{}
		for settings, cases := range [][]wireCase{wirePlain: wireCases[wireLogins:], wireConfigured: wireConfiguredCases[wireLogins:], wireBare: wireBareCases} {
			client := wireClient(t, over, settings)
			for i, c := range cases {
				calls[fmt.Sprint(settings, " ", i, " ", c.label)] = func() error {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // for Wait
					defer cancel()
					return c.call(ctx, client)
				}
			}
		}
		return calls
	})
}

// wireRecorder writes down each request as net/http puts it on the wire, and
// accepts it.
type wireRecorder struct {
	rows  []sdk.Operation
	label string
	count int
	sent  map[string]bool
	text  bytes.Buffer
}

func (r *wireRecorder) RoundTrip(req *http.Request) (*http.Response, error) {
	dump, err := httputil.DumpRequestOut(req.Clone(context.Background()), true)
	if err != nil {
		return nil, err
	}
	head, body, _ := strings.Cut(string(dump), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")[1:]
	for i, line := range lines {
		lines[i] = wireRandomKey.ReplaceAllString(wireAgent.ReplaceAllString(line, "User-Agent: *"), "Idempotency-Key: *")
	}
	slices.Sort(lines)
	row := r.row(req)
	r.count++
	r.sent[row] = true
	fmt.Fprintf(&r.text, "# %s (%s)\n%s %s\n%s\n\n%s", row, r.label, req.Method, req.URL, strings.Join(lines, "\n"), wireNonce.ReplaceAllString(body, `\nNonce: *\n`))
	if body != "" {
		r.text.WriteString("\n\n")
	}
	text, echo := wireResponse, map[string]any{}
	_ = json.Unmarshal([]byte(body), &echo)
	maps.DeleteFunc(echo, func(name string, _ any) bool {
		return !slices.Contains([]string{"phoneNumber", "accountNumber", "txHash", "externalId"}, name)
	})
	switch row {
	case "fiat.withdraw", "fiat.withdraw_to_bank":
		echo["id"] = 17
		text = wireObject(echo)
	case "fiat.deposit", "fiat.deposit_quoted", "stellar.cash_out", "tron.cash_out", "tron.cash_in":
		echo["requestId"] = "r-1"
		text = `{"result":` + wireObject(echo) + `}`
	case "celo.buy":
		text = `{"status":201,"details":{}}`
	case "fiatconnect.transfer_in", "fiatconnect.transfer_out":
		text = `{"transferId":"t-1","transferStatus":"TransferComplete"}`
	case "fiat.status_by_request_id":
		text = `{"result":{"status":"SUCCESS","requestId":` + wireQuote(path.Base(req.URL.EscapedPath())) + `}}`
	case "fiatconnect.transfer":
		text = `{"status":"TransferComplete","transferId":` + wireQuote(path.Base(path.Dir(req.URL.EscapedPath()))) + `}`
	}
	if row == "fiatconnect.accounts" {
		text = `{}`
	}
	return &http.Response{
		StatusCode: 200, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {"session=wire-session; Path=/; HttpOnly; Secure"}},
		Body:   io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
	}, nil
}

func wireObject(members map[string]any) string {
	object, _ := json.Marshal(members)
	return string(object)
}

// wireQuote makes a JSON text of a segment of a path.
func wireQuote(segment string) string {
	text, _ := url.PathUnescape(segment)
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

var (
	wireHole = regexp.MustCompile(`\\\{[^}]*\\\}`)

	// What is random is masked only when it has the form that it must have.
	wireAgent     = regexp.MustCompile(`^User-Agent: .+$`)
	wireRandomKey = regexp.MustCompile(`^Idempotency-Key: [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	wireNonce     = regexp.MustCompile(`\\nNonce: [A-Z2-7]{26}\\n`)
)

// row names the operation of a request: of the rows that match, the row with the
// fewest placeholders.
func (r *wireRecorder) row(req *http.Request) string {
	path := strings.TrimPrefix(req.URL.EscapedPath(), "/api_v2")
	if req.URL.Host == wireFiatConnect {
		path = "/fiatconnect" + strings.TrimPrefix(path, "/v1")
	}
	name, holes := "do", 99
	for _, row := range r.rows {
		n := strings.Count(row.Path, "{")
		form := "^" + wireHole.ReplaceAllString(regexp.QuoteMeta(row.Path), `[^/]+`) + "$"
		if row.Method == req.Method && n < holes && regexp.MustCompile(form).MatchString(path) {
			name, holes = row.Name, n
		}
	}
	return name
}

// wireResponse has all that any operation looks for.
const wireResponse = `{"accessToken":"wire-token","status":"active","desc":"ok","id":"w-1","result":{"status":"SUCCESS","requestId":"r-1"},` +
	`"details":{},"cusdDetails":{},"userId":"u-1","userRecord":{},"data":{},"phoneNumber":"254712345678","balance":{},"escrowAddress":"0x1","txid":"x",` +
	`"time":"2026-04-03T09:00:00.000Z","apiKey":"k","webhookSecret":"s","quote":{},"kycStatus":"KycApproved","fiatAccountId":"a-1",` +
	`"transferId":"t-1","transferStatus":"TransferComplete"}`

func wireError[T any](_ T, err error) error { return err }

func wireAmount(text string) decimal.Decimal { return decimal.RequireFromString(text) }

var (
	wirePlace = kotani.PostalAddress{
		Address1: `Moi Avenue 1 & "2"`, Address2: "Flat <3>", ISOCountryCode: "KE", ISORegionCode: "KE-30", City: "Nairobi", PostalCode: "00100",
	}
	wireSmallPlace = kotani.PostalAddress{Address1: "Moi Avenue 1", ISOCountryCode: "KE", ISORegionCode: "KE-30", City: "Nairobi"}
	wireBorn       = kotani.DateOfBirth{Day: "03", Month: "4", Year: "1990"}
	wireDetailed   = kotani.PersonalDataAndDocumentsDetailed{
		FirstName: "Zoë", MiddleName: "M", LastName: "O'Brien & <Sons>", DateOfBirth: wireBorn, Address: wirePlace,
		PhoneNumber: "+254712345678", Email: "a+b@example.com", SelfieDocument: "c2VsZmll",
		IdentificationDocumentType: kotani.DocumentIDCard, IdentificationDocumentFront: "aWQ=", IdentificationDocumentBack: "YmFjaw==",
	}
	wireUBI = kotani.UBIParams{PhoneNumber: "+254712345678", ProgramID: "p&1"}
)

// wireID has all that a path must escape.
const wireID = "x/1 é&?#%+:"

type wireCase struct {
	label string
	call  func(context.Context, *kotani.Client) error
}

// wireLogins is the number of logins with which wireCases and wireConfiguredCases begin.
const wireLogins = 2

// wireCases begins with the logins, whose results serve all later calls.
var wireCases = []wireCase{
	{"plain", func(ctx context.Context, c *kotani.Client) error { return c.Login(ctx) }},
	{"login", func(ctx context.Context, c *kotani.Client) error { return c.FiatConnect.Login(ctx) }},
	{"plain", func(ctx context.Context, c *kotani.Client) error { return c.Health(ctx) }},

	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Binance.CreateOrder(ctx, kotani.CreateOrderParams{
			Amount: wireAmount("1000000"), GoodsName: "Maïs & <Beans>", GoodsDetail: `"dry"`, Currency: "USDT",
			ReturnURL: "https://merchant.example/ok?a=b&c=d", CancelURL: "https://merchant.example/no",
		}))
	}},
	{"callback", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Binance.CreateOrder(ctx, kotani.CreateOrderParams{
			Amount: wireAmount("10"), GoodsName: "Tea", GoodsDetail: "Purple tea", Currency: "BUSD",
			ReturnURL: "https://merchant.example/ok", CancelURL: "https://merchant.example/no", CallbackURL: "https://merchant.example/hook",
		}))
	}},
	{"plain", func(ctx context.Context, c *kotani.Client) error { return wireError(c.Binance.CloseOrder(ctx, "p&1")) }},
	{"plain", func(ctx context.Context, c *kotani.Client) error { return wireError(c.Binance.GetOrder(ctx, "p&1")) }},

	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Celo.Buy(ctx, kotani.BuyCeloParams{PhoneNumber: "+254712345678", Amount: wireAmount("1.500000000000000001")}))
	}},
	{"trailing zeros", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Celo.Buy(ctx, kotani.BuyCeloParams{PhoneNumber: "254712345678", Amount: wireAmount("1.50")}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Celo.SendToMpesa(ctx, kotani.SendToMpesaParams{PhoneNumber: "+254712345678", TxHash: wireHash}))
	}},

	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.Deposit(ctx, kotani.DepositParams{Amount: wireAmount("1e3"), PhoneNumber: "+254712345678", ExternalID: "order-1&<?>", CallbackURL: wireCallback}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.Deposit(ctx, kotani.DepositParams{Amount: wireAmount("10.00"), PhoneNumber: "0712345678", AllowNoExternalID: true}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: "q&1", PhoneNumber: "+254712345678", ExternalID: "order-1", CallbackURL: wireCallback}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: "q-1", PhoneNumber: "254712345678", AllowNoExternalID: true}))
	}},
	{"plain", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.Get(ctx, wireID))
	}},
	{"wait", func(ctx context.Context, c *kotani.Client) error { return wireError(c.Fiat.WaitRequest(ctx, "r-1")) }},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.Find(ctx, `order-1&?#+:"<>`, kotani.Payouts))
	}},
	{"wait", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.Wait(ctx, "order-1", kotani.Collections))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.Withdraw(ctx, kotani.WithdrawParams{Amount: wireAmount("20"), PhoneNumber: "+254722222222", ExternalID: "order-1", CallbackURL: wireCallback}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.Withdraw(ctx, kotani.WithdrawParams{Amount: wireAmount("20"), PhoneNumber: "254722222222", AllowNoExternalID: true}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.List(ctx, kotani.TransactionListOptions{Type: kotani.Payouts, Limit: 10, OrderBy: "asc & more"}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.List(ctx, kotani.TransactionListOptions{}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.PayBill(ctx, kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: wireAmount("20.50"), CallbackURL: wireCallback}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.PayBill(ctx, kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "a&b", Amount: wireAmount("20")}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.PayTill(ctx, kotani.PayTillParams{TillNumber: "012345", Amount: wireAmount("0.05"), CallbackURL: wireCallback}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.PayTill(ctx, kotani.PayTillParams{TillNumber: "12345", Amount: wireAmount("20")}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.WithdrawToBank(ctx, kotani.BankWithdrawParams{
			Amount: wireAmount("20"), AccountNumber: "0123456789", AccountName: "Zoë & <Sons>", Bank: kotani.BankKCB, ExternalID: "order-1", CallbackURL: wireCallback,
		}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.WithdrawToBank(ctx, kotani.BankWithdrawParams{
			Amount: wireAmount("20"), AccountNumber: "0123456789", AccountName: "Jane Doe", Bank: "99", AllowNoExternalID: true,
		}))
	}},

	{"plain", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.CreateCredentials(ctx, wireCallback))
	}},
	{"plain", func(ctx context.Context, c *kotani.Client) error { return wireError(c.FiatConnect.Clock(ctx)) }},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.QuoteIn(ctx, kotani.TransferQuoteParams{
			FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: wireAmount("1300.50"),
			Country: "KE", Region: "KE-30", Address: "0xde709f2102306220921060314715629080e2fb77", Preview: true,
		}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.QuoteIn(ctx, kotani.TransferQuoteParams{
			FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, CryptoAmount: wireAmount("20"), Country: "KE",
		}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.QuoteOut(ctx, kotani.TransferQuoteParams{
			FiatType: kotani.FiatNGN, CryptoType: kotani.CryptoCEUR, CryptoAmount: wireAmount("0.000000000000000001"),
			Country: "NG", Region: "NG-LA", Address: "0xde709f2102306220921060314715629080e2fb77", Preview: true,
		}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.QuoteOut(ctx, kotani.TransferQuoteParams{
			FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: wireAmount("20"), Country: "KE",
		}))
	}},
	{"PersonalDataAndDocuments, full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.AddKYC(ctx, kotani.PersonalDataAndDocuments{
			FirstName: "Zoë", MiddleName: "M", LastName: "O'Brien & <Sons>", DateOfBirth: wireBorn, Address: wirePlace,
			PhoneNumber: "+254712345678", SelfieDocument: "c2VsZmll", IdentificationDocument: "aWQ=",
		}))
	}},
	{"PersonalDataAndDocuments, minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.AddKYC(ctx, kotani.PersonalDataAndDocuments{
			FirstName: "Jane", LastName: "Doe", DateOfBirth: wireBorn, Address: wireSmallPlace,
			PhoneNumber: "0712345678", SelfieDocument: "c2VsZmll", IdentificationDocument: "aWQ=",
		}))
	}},
	{"PersonalDataAndDocumentsDetailed, full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.AddKYC(ctx, wireDetailed))
	}},
	{"PersonalDataAndDocumentsDetailed, minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.AddKYC(ctx, kotani.PersonalDataAndDocumentsDetailed{
			FirstName: "Jane", LastName: "Doe", DateOfBirth: wireBorn, Address: wireSmallPlace,
			PhoneNumber: "+254712345678", Email: "jane@example.com", SelfieDocument: "c2VsZmll",
			IdentificationDocumentType: kotani.DocumentPassport, IdentificationDocumentFront: "aWQ=",
		}))
	}},
	{"Kotani's own form, full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.AddKYC(ctx, kotani.KotaniKYC{
			FirstName: "Zoë", LastName: "O'Brien & <Sons>", PhoneNumber: "+254712345678", LocalCurrency: kotani.FiatKES,
			CeloPublicAddress: wireAddress, Address: wirePlace, DateOfBirth: wireBorn, Schema: kotani.KYCPersonalDetailed,
		}))
	}},
	{"Kotani's own form, minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.AddKYC(ctx, kotani.KotaniKYC{
			FirstName: "Jane", LastName: "Doe", PhoneNumber: "254712345678", LocalCurrency: kotani.FiatKES,
			CeloPublicAddress: wireAddress, Address: wireSmallPlace, DateOfBirth: wireBorn,
		}))
	}},
	{"another schema", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.AddKYC(ctx, kotani.OtherKYC{Schema: wireID, Data: map[string]any{"b": `é&<">`, "a": 1}}))
	}},
	{"plain", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.GetKYC(ctx, kotani.KYCPersonal))
	}},
	{"escaped", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.GetKYC(ctx, wireID))
	}},
	{"wait", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.WaitKYC(ctx, kotani.KYCPersonalDetailed))
	}},
	{"plain", func(ctx context.Context, c *kotani.Client) error {
		return c.FiatConnect.DeleteKYC(ctx, kotani.KYCPersonal)
	}},
	{"escaped", func(ctx context.Context, c *kotani.Client) error { return c.FiatConnect.DeleteKYC(ctx, wireID) }},
	{"AccountNumber", wireAccount(kotani.BankAccount{AccountName: "Zoë & <Sons>", InstitutionName: `"Bank"`, AccountNumber: "0123456789", Country: "NG"})},
	{"MobileMoney", wireAccount(kotani.MobileMoneyAccount{AccountName: "Jane", InstitutionName: "Safaricom", Mobile: "+254712345678", Country: "KE", Operator: "M-Pesa"})},
	{"DuniaWallet", wireAccount(kotani.DuniaWalletAccount{AccountName: "Jane", InstitutionName: "Dunia", Mobile: "+254712345678"})},
	{"IBANNumber", wireAccount(kotani.IBANAccount{AccountName: "Jane", InstitutionName: "Bank", IBAN: "DE89 3704 0044 0532 0130 00", Country: "DE"})},
	{"IFSCAccount", wireAccount(kotani.IFSCAccount{AccountName: "Jane", InstitutionName: "Bank", IFSC: "SBIN0005943", AccountNumber: "00123", Country: "IN"})},
	{"PIXAccount", wireAccount(kotani.PIXAccount{AccountName: "Jane", InstitutionName: "Bank", KeyType: kotani.PIXCPF, Key: "000.000.000-00"})},
	{"another schema", wireAccount(kotani.OtherAccount{Schema: "New&Schema", Data: map[string]any{"b": `é&<">`, "a": 1}})},
	{"plain", func(ctx context.Context, c *kotani.Client) error { return wireError(c.FiatConnect.ListAccounts(ctx)) }},
	{"plain", func(ctx context.Context, c *kotani.Client) error { return c.FiatConnect.DeleteAccount(ctx, wireID) }},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.TransferIn(ctx, kotani.TransferParams{FiatAccountID: "a&1", QuoteID: "q<1>", IdempotencyKey: "order 17/&<>"}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.TransferIn(ctx, kotani.TransferParams{FiatAccountID: "a-1", QuoteID: "q-1"}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.TransferOut(ctx, kotani.TransferParams{FiatAccountID: "a&1", QuoteID: "q<1>", IdempotencyKey: "order-17"}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.TransferOut(ctx, kotani.TransferParams{FiatAccountID: "a-1", QuoteID: "q-1"}))
	}},
	{"plain", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.GetTransfer(ctx, wireID))
	}},
	{"wait", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.WaitTransfer(ctx, "t-1"))
	}},
	{"another wallet", func(ctx context.Context, c *kotani.Client) error {
		other, err := c.FiatConnect.As(wireWallet("0xde709f2102306220921060314715629080e2fb77"))
		if err != nil {
			return err
		}
		return wireError(other.QuoteIn(ctx, kotani.TransferQuoteParams{
			FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: wireAmount("20"), Country: "KE",
		}))
	}},
	{"another wallet, with its login", func(ctx context.Context, c *kotani.Client) error {
		other, err := c.FiatConnect.As(wireWallet("0xde709f2102306220921060314715629080e2fb77"))
		if err != nil {
			return err
		}
		return wireError(other.ListAccounts(ctx))
	}},

	{"plain", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.KYC.CreateUser(ctx, "+254712345678"))
	}},
	{"plain", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.KYC.VerifyUser(ctx, "+254712345678"))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.KYC.UpdateUser(ctx, kotani.UpdateUserParams{
			PhoneNumber: "+254712345678", FirstName: "Zoë", LastName: "O'Brien & <Sons>", Email: "a+b@example.com",
		}))
	}},
	{"plain", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.KYC.FindUser(ctx, "+254712345678"))
	}},
	{"plain", func(ctx context.Context, c *kotani.Client) error { return wireError(c.KYC.ListUsers(ctx)) }},
	{"plain", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.KYC.PhoneByAddress(ctx, wireAddress))
	}},

	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.OnChain.Balance(ctx, "+254712345678", kotani.ChainCelo))
	}},
	{"plain", func(ctx context.Context, c *kotani.Client) error { return wireError(c.OnChain.EscrowRates(ctx)) }},

	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Stellar.CashOut(ctx, kotani.CashOutParams{
			Country: kotani.Kenya, PhoneNumber: "+254712345678", TxHash: wireHash[2:], CallbackURL: wireCallback,
			Name: "Zoë & <Sons>", Email: "a+b@example.com", Description: `"wages"`,
		}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Stellar.CashOut(ctx, kotani.CashOutParams{Country: wireID, PhoneNumber: "254712345678", TxHash: wireHash}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Quotes.In(ctx, kotani.QuoteParams{Amount: wireAmount("20.50"), Currency: "KES", CryptoType: "cUSD"}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Quotes.Out(ctx, kotani.QuoteParams{Amount: wireAmount("0.000000000000000001"), Currency: "GHS", CryptoType: "USDT"}))
	}},
	{"plain", func(ctx context.Context, c *kotani.Client) error { return wireError(c.Quotes.AcceptIn(ctx, "q&1")) }},
	{"plain", func(ctx context.Context, c *kotani.Client) error { return wireError(c.Quotes.AcceptOut(ctx, "q&1")) }},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Tron.CashOut(ctx, kotani.CashOutParams{
			Country: kotani.Ghana, PhoneNumber: "+233712345678", TxHash: wireHash, CallbackURL: wireCallback, Name: "Zoë & <Sons>", Email: "a+b@example.com",
		}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Tron.CashOut(ctx, kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: "254712345678", TxHash: wireHash[2:]}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Tron.CashIn(ctx, kotani.CashInParams{
			Country: kotani.Kenya, PhoneNumber: "+254712345678", Amount: wireAmount("20"), ExternalID: "order-1&", CallbackURL: wireCallback,
		}))
	}},
	{"minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Tron.CashIn(ctx, kotani.CashInParams{Country: kotani.Ghana, PhoneNumber: "233712345678", Amount: wireAmount("20")}))
	}},
	{"full", func(ctx context.Context, c *kotani.Client) error { return wireError(c.UBI.Claim(ctx, wireUBI)) }},
	{"full", func(ctx context.Context, c *kotani.Client) error { return wireError(c.UBI.IsBeneficiary(ctx, wireUBI)) }},
	{"full", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.UBI.SetBeneficiary(ctx, wireUBI))
	}},

	{"an endpoint that is in no row, full", func(ctx context.Context, c *kotani.Client) error { return wireError(c.Do(ctx, wireRaw)) }},
	{"an endpoint that is in no row, minimal", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Do(ctx, sdk.RawCall{Method: "POST", Path: "/user/resetPin"}))
	}},
	{"an endpoint of FiatConnect that is in no row", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.Do(ctx, wireRaw))
	}},
}

// wireConfiguredCases are the calls on which the settings show.
var wireConfiguredCases = []wireCase{
	{"configured", func(ctx context.Context, c *kotani.Client) error { return c.Login(ctx) }},
	{"configured, login", func(ctx context.Context, c *kotani.Client) error { return c.FiatConnect.Login(ctx) }},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.Deposit(ctx, kotani.DepositParams{Amount: wireAmount("10"), PhoneNumber: "254712345678", ExternalID: "order-1&"}))
	}},
	{"configured, with its own callback", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.Deposit(ctx, kotani.DepositParams{Amount: wireAmount("10"), PhoneNumber: "254712345678", ExternalID: "order-1", CallbackURL: wireCallback}))
	}},
	{"configured, without an external id", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.Deposit(ctx, kotani.DepositParams{Amount: wireAmount("10"), PhoneNumber: "254712345678", AllowNoExternalID: true}))
	}},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: "q-1", PhoneNumber: "254712345678", ExternalID: "order-1"}))
	}},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.Withdraw(ctx, kotani.WithdrawParams{Amount: wireAmount("20"), PhoneNumber: "254722222222", ExternalID: "order-1"}))
	}},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.Fiat.WithdrawToBank(ctx, kotani.BankWithdrawParams{
			Amount: wireAmount("20"), AccountNumber: "0123456789", AccountName: "Jane Doe", Bank: kotani.BankEquity, ExternalID: "order-1",
		}))
	}},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.CreateCredentials(ctx, wireCallback))
	}},
	{"configured", func(ctx context.Context, c *kotani.Client) error { return wireError(c.FiatConnect.Clock(ctx)) }},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.QuoteIn(ctx, kotani.TransferQuoteParams{
			FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: wireAmount("20"), Country: "KE",
		}))
	}},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.QuoteOut(ctx, kotani.TransferQuoteParams{
			FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, CryptoAmount: wireAmount("20"), Country: "KE",
		}))
	}},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.AddKYC(ctx, wireDetailed))
	}},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.GetKYC(ctx, kotani.KYCPersonal))
	}},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return c.FiatConnect.DeleteKYC(ctx, kotani.KYCPersonal)
	}},
	{"configured", wireAccount(kotani.DuniaWalletAccount{AccountName: "Jane", InstitutionName: "Dunia", Mobile: "+254712345678"})},
	{"configured", func(ctx context.Context, c *kotani.Client) error { return wireError(c.FiatConnect.ListAccounts(ctx)) }},
	{"configured", func(ctx context.Context, c *kotani.Client) error { return c.FiatConnect.DeleteAccount(ctx, wireID) }},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.TransferIn(ctx, kotani.TransferParams{FiatAccountID: "a-1", QuoteID: "q-1"}))
	}},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.TransferOut(ctx, kotani.TransferParams{FiatAccountID: "a-1", QuoteID: "q-1", IdempotencyKey: "order-17"}))
	}},
	{"configured", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.GetTransfer(ctx, wireID))
	}},
	{"configured, another wallet", func(ctx context.Context, c *kotani.Client) error {
		other, err := c.FiatConnect.As(wireWallet("0xde709f2102306220921060314715629080e2fb77"))
		if err != nil {
			return err
		}
		return wireError(other.ListAccounts(ctx))
	}},
	{"configured, an endpoint that is in no row", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.Do(ctx, wireRaw))
	}},
}

// wireBareCases are calls that need no login and no wallet.
var wireBareCases = []wireCase{
	{"no settings", func(ctx context.Context, c *kotani.Client) error { return c.Health(ctx) }},
	{"no settings", func(ctx context.Context, c *kotani.Client) error { return wireError(c.FiatConnect.Clock(ctx)) }},
	{"no settings", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.CreateCredentials(ctx, wireCallback))
	}},
	{"no settings, no address", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.QuoteIn(ctx, kotani.TransferQuoteParams{
			FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: wireAmount("20"), Country: "KE",
		}))
	}},
	{"no settings, no address", func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.QuoteOut(ctx, kotani.TransferQuoteParams{
			FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, CryptoAmount: wireAmount("20"), Country: "KE",
		}))
	}},
}

var wireRaw = sdk.RawCall{
	Method: "PUT", Path: "/new/a%2Fb", Query: url.Values{"b": {"2 &", "1"}, "a": {"é"}},
	Body: map[string]any{"b": `<é&">`, "a": 1}, ReadOnly: true,
}

func wireAccount(data kotani.FiatAccountData) func(context.Context, *kotani.Client) error {
	return func(ctx context.Context, c *kotani.Client) error {
		return wireError(c.FiatConnect.AddAccount(ctx, data))
	}
}
