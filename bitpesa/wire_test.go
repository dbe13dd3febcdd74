package bitpesa_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/sdk"
)

const (
	wireGolden    = "../testdata/bitpesa/requests.golden"
	wireKey       = "wire-key"
	wireSecret    = "wire-secret=="
	wireReference = `order 17/é&<"+>`
)

// wireClient is the only place that makes a client.
func wireClient(t *testing.T, rt http.RoundTripper) *bitpesa.Client {
	t.Helper()
	client, err := bitpesa.New(bitpesa.Config{
		BaseURL: "https://bitpesa.example", Key: wireKey, Secret: wireSecret,
		Options: sdk.Options{HTTPClient: &http.Client{Transport: rt}, MaxAttempts: 1},
	})
	require.NoError(t, err)
	return client
}

// TestTheWireOfEveryOperation compares each request byte for byte with the golden
// file. UPDATE_GOLDEN=1 writes the file anew.
func TestTheWireOfEveryOperation(t *testing.T) {
	recorder := &wireRecorder{t: t, rows: bitpesa.Operations(), sent: map[string]bool{}}
	client := wireClient(t, recorder)
	for i, c := range wireCases {
		recorder.label = c.label
		before := recorder.count
		assert.NoError(t, c.call(t.Context(), client), "case %d (%s)", i, c.label)
		assert.Greater(t, recorder.count, before, "case %d (%s) sends nothing", i, c.label)
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
	clienttest.CheckForeignNotFound(t, "", nil, func(t *testing.T, over http.RoundTripper) map[string]func() error {
		client, calls := wireClient(t, over), map[string]func() error{}
		for i, c := range wireCases {
			calls[fmt.Sprint(i, " ", c.label)] = func() error {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // for Wait
				defer cancel()
				return c.call(ctx, client)
			}
		}
		return calls
	}, "status and error 404") // documented by BitPesa itself
}

// wireRecorder writes down each request as net/http puts it on the wire, and
// accepts it.
type wireRecorder struct {
	t     *testing.T
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
		lines[i] = r.mask(req, line, body)
	}
	slices.Sort(lines)
	row := r.row(req)
	r.count++
	r.sent[row] = true
	fmt.Fprintf(&r.text, "# %s (%s)\n%s %s\n%s\n\n%s", row, r.label, req.Method, req.URL, strings.Join(lines, "\n"), body)
	if body != "" {
		r.text.WriteString("\n\n")
	}
	text := wireResponse(row, req.URL.EscapedPath(), req.URL.Query().Get("page"), body)
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
		Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
	}, nil
}

var (
	wireHole  = regexp.MustCompile(`\\\{[^}]*\\\}`)
	wireNonce = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

// row names the operation of a request: of the rows that match, the row with the
// fewest placeholders.
func (r *wireRecorder) row(req *http.Request) string {
	name, holes := "do", 99
	for _, row := range r.rows {
		path := wireHole.ReplaceAllString(regexp.QuoteMeta(row.Path), `[^/]+`)
		n := strings.Count(row.Path, "{")
		if row.Method == req.Method && n < holes && regexp.MustCompile("^"+path+"$").MatchString(req.URL.EscapedPath()) {
			name, holes = row.Name, n
		}
	}
	return name
}

// mask hides what is random in a header, after a check of its form. The signature
// is computed here once more from the provider's guide.
func (r *wireRecorder) mask(req *http.Request, line, body string) string {
	name, value, _ := strings.Cut(line, ": ")
	nonce := req.Header.Get("Authorization-Nonce")
	switch name {
	case "Authorization-Nonce":
		assert.Regexp(r.t, wireNonce, value)
	case "Authorization-Signature":
		sum := sha512.Sum512([]byte(body))
		mac := hmac.New(sha512.New, []byte(wireSecret))
		mac.Write([]byte(nonce + "&" + req.Method + "&" + req.URL.String() + "&" + hex.EncodeToString(sum[:])))
		assert.Equal(r.t, hex.EncodeToString(mac.Sum(nil)), value, "%s %s", req.Method, req.URL)
	case "User-Agent":
	default:
		return line
	}
	return name + ": *"
}

// wireResponse has all that any operation looks for.
// It is about the object that the request names.
func wireResponse(row, path, page, body string) string {
	var sent struct {
		Transaction struct {
			ExternalID string `json:"external_id"`
			Currency   string `json:"input_currency"`
		}
		Sender struct {
			ExternalID string `json:"external_id"`
		}
	}
	_ = json.Unmarshal([]byte(body), &sent)
	id, externalID, recipients := "t-1", cmp.Or(sent.Transaction.ExternalID, sent.Sender.ExternalID, wireReference), ""
	if segments := strings.Split(path, "/"); len(segments) > 3 {
		id, _ = url.PathUnescape(segments[3])
	}
	if row == "transactions.get" {
		recipients = `,"recipients":[{"id":"r-1","state":"error","editable":true,"may_cancel":true}]`
	}
	state := "approved"
	if row == "transactions.create_and_fund" {
		state = "received"
	}
	object := fmt.Sprintf(`{"id":%q,"external_id":%q,"state":%q,"currency":"USD","amount":"1","input_currency":%q,"input_amount":"30.50"%s}`,
		id, externalID, state, cmp.Or(sent.Transaction.Currency, "USD"), recipients)
	switch {
	case row == "do":
		return `{}`
	case row == "webhooks.events":
		return `{"object":["transaction.paid_in"]}`
	case row == "debits.create":
		object = strings.TrimSuffix(strings.TrimPrefix(body, `{"debit":`), "}")
		object = strings.ReplaceAll("["+strings.Trim(object, "[]")+"]", `"to_id":`, `"id":"d-1","to_id":`)
	case row == "balance", row == "recipients.proof_of_payments", row == "accounts.list", strings.HasPrefix(row, "info."): // without pages
		return `{"object":[` + object + `]}`
	case strings.Contains(row, ".list"):
		object = "[" + object + "]"
	}
	next := "2"
	if page == "2" {
		next = "null"
	}
	return `{"object":` + object + `,"meta":{"pagination":{"next_page":` + next + `,"total_pages":2,"total_count":2}}}`
}

func wireError[T any](_ T, err error) error { return err }

// wireAll walks a list to its end.
func wireAll[T any](items iter.Seq2[T, error]) error {
	for _, err := range items {
		if err != nil {
			return err
		}
	}
	return nil
}

func wireAmount(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func wireMaybe(text string) decimal.NullDecimal { return decimal.NewNullDecimal(wireAmount(text)) }

var (
	wireYes, wireNo = true, false

	wirePage    = bitpesa.ListOptions{Page: 3, PerPage: 50}
	wireCreated = bitpesa.Created{
		From: time.Date(2018, 6, 6, 23, 0, 0, 0, time.UTC),
		To:   time.Date(2018, 6, 7, 1, 0, 0, 0, time.FixedZone("EAT", 3*3600)),
	}
	wireMetadata = bitpesa.Metadata{"b": []any{1, nil, true}, "a": `é&<"/>`}

	wireDocument = bitpesa.DocumentParams{
		Upload: "data:image/png;base64,AA==", UploadFileName: `passport "é".png`,
		Category: "identity", Side: "front", DocumentType: "passport", IssuingCountry: "UG", DocumentID: "B123",
		ExpiryDate: "2030-01-31", Source: "scan", Metadata: wireMetadata,
	}
	wireSender = bitpesa.SenderParams{
		ExternalID: wireReference,
		Type:       bitpesa.Business,
		FirstName:  "Zoë", MiddleName: "M", LastName: "O'Brien & <Sons>", BirthDate: "1970-01-01",
		PhoneNumber: "+256752403639", PhoneCountry: "UG", Email: "a+b@example.com", IP: "127.0.0.1", Lang: "en", Fingerprint: "f-1",
		Country: "UG", City: "Kampala", Street: "Somewhere 17-3", PostalCode: "798983", AddressDescription: "behind the \"school\"",
		IdentificationNumber: "AB123", IdentificationType: bitpesa.Passport, Occupation: "farmer", Nationality: "UG",
		CityOfBirth: "Gulu", CountryOfBirth: "UG", Gender: "F", SourceOfFunds: "salary", CustomSourceOfFunds: "coffee",
		Documents: []bitpesa.DocumentParams{wireDocument, {ID: "d-1"}},
		PoliticallyExposedPeople: []bitpesa.PoliticallyExposedPerson{
			{ID: "p-1", Name: "Ann", Position: "mayor", StartedDate: "2010-01-01", EndedDate: "2012-12-31"},
			{Name: "Bob"},
		},
		BusinessParams: bitpesa.BusinessParams{
			Name: "Best Pilau Ltd", LegalEntityType: "privately_owned_company", RegistrationDate: "2012-01-25",
			RegistrationNumber: "VAT1234567", NatureOfBusiness: "retail", TradingCountry: "KE", TradingAddress: "Road 1",
			TradingName: "Pilau", VATRegistrationNumber: "V1", FinancialRegulator: "CBK", RegulatoryLicenceNumber: "L1",
			ContactPersonEmail: "c@example.com", OfficePhone: "+254701", CompanyOfficeNumber: "701", CompanyOfficeNumberCountry: "KE",
			AMLOfficerEmail: "aml@example.com", AMLOfficerPhone: "702", AMLOfficerPhoneCountry: "KE",
			CompanyWebsiteURL: "https://pilau.example/?a=b&c=d", NumberOfEmployees: "10", CountriesOfOperation: []string{"KE", "UG"},
			EstimatedAnnualTurnover: "1000000", CoreBusinessActivity: "food", PurposeOfOpeningAccount: "salaries",
			NumberOfMonthlyTransactions: "20", AmountOfMonthlyTransactions: "30000.50", OnboardingStatus: "done",
			Declaration: "yes", SalesLeadID: "s-9",
		},
		Metadata: wireMetadata,
	}
	wireDetails = bitpesa.PayoutDetails{
		FirstName: "Jane", MiddleName: "É", LastName: "Doe & <Co>", BirthDate: "1980-02-29",
		PhoneNumber: "+2348123456789", MobileProvider: bitpesa.MTN, CashProvider: "wari", Email: "jane@example.com",
		BankCode: "058", BankAccount: "0123456789", BankAccountType: "20", BankName: "Bank", BankCountry: "NG",
		BranchCode: "001", SortCode: "010203", RoutingNumber: "r-1", SwiftCode: "SWIFT", IBAN: "DE00", BIC: "BIC",
		PIXKeyType: "cpf", PIXKeyValue: "000", Country: "NG", Street: "Street 1", City: "Lagos", PostalCode: "100001",
		IdentityCardType: "PP", IdentityCardID: "P1", SenderIdentityCardType: "ID", SenderIdentityCardID: "I1",
		SenderCityOfBirth: "Gulu", SenderCountryOfBirth: "UG", SenderGender: "F", TransferReason: "personal_account",
		TransferReasonCode: "185", RelationshipToSender: "aunt", Reason: "gift", Reference: "ref", Narration: "thanks",
		Address: "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", Name: "Jane Ltd", ContactFirstName: "J", ContactLastName: "D",
		RegistrationNumber: "R1", NatureOfBusiness: "farming", LegalEntityType: "sole_proprietorship",
		Extra: map[string]any{"favourite": "blue", "a_number": 17},
	}
	wirePayout = bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: wireDetails, Metadata: wireMetadata}
	wirePayin  = bitpesa.PayinMethodParams{
		Type: "XOF::Mobile", UXFlow: "ussd_popup",
		InDetails: map[string]any{"phone_number": "+221774044436", "mobile_provider": "orange", "otp": "1&2"},
	}
	wireTransaction = bitpesa.TransactionParams{
		InputCurrency: "USD", Sender: wireSender,
		Recipients: []bitpesa.RecipientParams{
			{Type: bitpesa.Business, RequestedAmount: wireAmount("10000.50"), RequestedCurrency: "NGN", PayoutMethod: wirePayout, Metadata: wireMetadata},
			{RequestedAmount: wireAmount("0.00000001"), RequestedCurrency: "BTC", PayoutMethod: bitpesa.PayoutMethodParams{ID: "m-1"}},
		},
		PayinMethods: []bitpesa.PayinMethodParams{wirePayin, {Type: "NGN::Bank"}},
		Traits:       bitpesa.Traits{AutoRefund: &wireYes, AccountValidation: &wireNo},
		ExternalID:   wireReference, Metadata: wireMetadata,
	}
	wireSmallTransaction = bitpesa.TransactionParams{
		InputCurrency: "USD", Sender: bitpesa.SenderParams{ID: "s-1"},
		Recipients: []bitpesa.RecipientParams{{
			RequestedAmount: wireAmount("1e3"), RequestedCurrency: "USD", PayoutMethod: bitpesa.PayoutMethodParams{ID: "m-1"},
		}},
	}
	wireUpdate = bitpesa.RecipientUpdate{
		Type:         bitpesa.Person,
		PayoutMethod: bitpesa.PayoutMethodParams{ID: "m-1", Type: bitpesa.NGNBank, Details: wireDetails, Metadata: wireMetadata},
		Metadata:     wireMetadata,
	}
	wireDebit = bitpesa.DebitParams{ToID: "t-1", Amount: wireMaybe("30.50"), Currency: "USD", Metadata: wireMetadata}
)

// wireID has all that a path must escape.
const wireID = "x/1 é&?#%+:"

var wireCases = []struct {
	label string
	call  func(context.Context, *bitpesa.Client) error
}{
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Accounts.List(ctx)) }},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Accounts.Get(ctx, "USD::Bidvest"))
	}},

	{"full", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Debits.Create(ctx, wireDebit)) }},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Debits.Create(ctx, bitpesa.DebitParams{ToID: "t-1"}))
	}},
	{"several", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Debits.CreateMany(ctx, []bitpesa.DebitParams{wireDebit, {ToID: "t-2"}}))
	}},
	{"several, of which there is one", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Debits.CreateMany(ctx, []bitpesa.DebitParams{wireDebit}))
	}},

	{"bank, full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.AccountValidations.Create(ctx, bitpesa.AccountValidationParams{
			Country: "NG", Currency: "NGN", Method: bitpesa.ValidateBank, BankAccount: "9040009999", BankCode: "058",
			IBAN: "NG00", PhoneNumber: "+2348123456789", MobileProvider: bitpesa.MTN,
		}))
	}},
	{"mobile, minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.AccountValidations.Create(ctx, bitpesa.AccountValidationParams{
			Country: "GH", Currency: "GHS", Method: bitpesa.ValidateMobile, PhoneNumber: "+233302123456",
		}))
	}},

	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Logs.ListAPI(ctx, bitpesa.LogListOptions{ListOptions: wirePage, Created: wireCreated}))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Logs.ListAPI(ctx, bitpesa.LogListOptions{}))
	}},
	{"all pages", func(ctx context.Context, c *bitpesa.Client) error {
		return wireAll(c.Logs.AllAPI(ctx, bitpesa.LogListOptions{ListOptions: bitpesa.ListOptions{PerPage: 50}, Created: wireCreated}))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Logs.GetAPI(ctx, wireID)) }},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Logs.ListWebhooks(ctx, bitpesa.LogListOptions{ListOptions: wirePage, Created: wireCreated}))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Logs.ListWebhooks(ctx, bitpesa.LogListOptions{}))
	}},
	{"all pages", func(ctx context.Context, c *bitpesa.Client) error {
		return wireAll(c.Logs.AllWebhooks(ctx, bitpesa.LogListOptions{ListOptions: bitpesa.ListOptions{PerPage: 50}, Created: wireCreated}))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Logs.GetWebhook(ctx, wireID)) }},

	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Accounts.ListDLocal(ctx)) }},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Info.Currencies(ctx)) }},
	{"full", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Info.CurrenciesIn(ctx, wireID)) }},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Info.CurrenciesIn(ctx, "")) }},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Info.CurrenciesOut(ctx, wireID))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Info.CurrenciesOut(ctx, "")) }},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Info.PaymentMethodsIn(ctx)) }},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Info.PaymentMethodsOut(ctx)) }},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Mandates.Get(ctx, wireID)) }},

	{"full", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Documents.List(ctx, wirePage)) }},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Documents.List(ctx, bitpesa.ListOptions{}))
	}},
	{"all pages", func(ctx context.Context, c *bitpesa.Client) error {
		return wireAll(c.Documents.All(ctx, bitpesa.ListOptions{PerPage: 50}))
	}},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Documents.Create(ctx, wireDocument))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Documents.Create(ctx, bitpesa.DocumentParams{Upload: "data:,", UploadFileName: "a"}))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Documents.Get(ctx, wireID)) }},

	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.PayinMethods.Get(ctx, wireID)) }},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayinMethods.Update(ctx, wireID, wirePayin))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayinMethods.Update(ctx, "p-1", bitpesa.PayinMethodParams{UXFlow: "http_redirect"}))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayinMethods.Cancel(ctx, wireID))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayinMethods.Retry(ctx, wireID))
	}},

	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayoutMethods.List(ctx, bitpesa.PayoutMethodListOptions{
			ListOptions: wirePage, Created: wireCreated, SenderID: "s&1",
			Types: []bitpesa.PayoutType{bitpesa.NGNBank, bitpesa.BTC, bitpesa.BalancePayout("USD")}, States: []string{"enabled", "disabled"},
		}))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayoutMethods.List(ctx, bitpesa.PayoutMethodListOptions{}))
	}},
	{"all pages", func(ctx context.Context, c *bitpesa.Client) error {
		return wireAll(c.PayoutMethods.All(ctx, bitpesa.PayoutMethodListOptions{
			ListOptions: bitpesa.ListOptions{PerPage: 50}, SenderID: "s-1", States: []string{"enabled"},
		}))
	}},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayoutMethods.Create(ctx, wirePayout))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayoutMethods.Create(ctx, bitpesa.PayoutMethodParams{Type: bitpesa.BalancePayout("USD")}))
	}},
	{"extra details only", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayoutMethods.Create(ctx, bitpesa.PayoutMethodParams{
			Type: bitpesa.BalancePayout("USD"), Details: bitpesa.PayoutDetails{Extra: map[string]any{"favourite": "blue"}},
		}))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.PayoutMethods.Get(ctx, wireID)) }},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayoutMethods.Update(ctx, wireID, wirePayout))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayoutMethods.Update(ctx, "m-1", bitpesa.PayoutMethodParams{}))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.PayoutMethods.Delete(ctx, wireID))
	}},

	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Recipients.List(ctx, bitpesa.RecipientListOptions{
			ListOptions: wirePage, Created: wireCreated, States: []bitpesa.RecipientState{bitpesa.RecipientError, bitpesa.RecipientManual},
			Currencies: []string{"USD"}, AmountFrom: wireMaybe("0"), AmountTo: wireMaybe("20.50"),
		}))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Recipients.List(ctx, bitpesa.RecipientListOptions{}))
	}},
	{"all pages", func(ctx context.Context, c *bitpesa.Client) error {
		return wireAll(c.Recipients.All(ctx, bitpesa.RecipientListOptions{
			ListOptions: bitpesa.ListOptions{PerPage: 50}, Currencies: []string{"USD", "EUR"},
		}))
	}},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Recipients.Update(ctx, wireID, wireUpdate))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Recipients.Update(ctx, "r-1", bitpesa.RecipientUpdate{}))
	}},
	{"correction", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Recipients.Correct(ctx, wireID, "r-1", bitpesa.RecipientUpdate{
			PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{BankAccount: "0123"}},
		}))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Recipients.Cancel(ctx, wireID)) }},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Recipients.ProofOfPayments(ctx, wireID))
	}},

	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Senders.List(ctx, bitpesa.SenderListOptions{ListOptions: wirePage, Created: wireCreated, ExternalID: wireReference}))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Senders.List(ctx, bitpesa.SenderListOptions{}))
	}},
	{"all pages", func(ctx context.Context, c *bitpesa.Client) error {
		return wireAll(c.Senders.All(ctx, bitpesa.SenderListOptions{ListOptions: bitpesa.ListOptions{PerPage: 50}, Created: wireCreated}))
	}},
	{"by external id", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Senders.Find(ctx, wireReference))
	}},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Senders.Create(ctx, wireSender))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Senders.Create(ctx, bitpesa.SenderParams{Country: "UG", BirthDate: "1970-01-01"}))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Senders.Get(ctx, wireID)) }},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Senders.Update(ctx, wireID, wireSender))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Senders.Update(ctx, "s-1", bitpesa.SenderParams{}))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Senders.Delete(ctx, wireID)) }},

	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.List(ctx, bitpesa.TransactionListOptions{
			ListOptions: wirePage, ExternalID: wireReference, SenderID: "s-1", Type: "automated",
		}))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.List(ctx, bitpesa.TransactionListOptions{}))
	}},
	{"all pages", func(ctx context.Context, c *bitpesa.Client) error {
		return wireAll(c.Transactions.All(ctx, bitpesa.TransactionListOptions{ListOptions: bitpesa.ListOptions{PerPage: 50}, SenderID: "s-1"}))
	}},
	{"by external id", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.Find(ctx, wireReference))
	}},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.Create(ctx, wireTransaction))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.Create(ctx, wireSmallTransaction))
	}},
	{"from the balance", func(ctx context.Context, c *bitpesa.Client) error {
		p := wireSmallTransaction
		p.ExternalID = wireReference
		return wireError(c.Transactions.PayFromBalance(ctx, p))
	}},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.Calculate(ctx, wireTransaction))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.Calculate(ctx, wireSmallTransaction))
	}},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.Validate(ctx, wireTransaction))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.Validate(ctx, wireSmallTransaction))
	}},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.CreateAndFund(ctx, wireTransaction))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		p := wireSmallTransaction
		p.ExternalID = "o-1"
		return wireError(c.Transactions.CreateAndFund(ctx, p))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Transactions.Get(ctx, wireID)) }},
	{"wait", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Transactions.Wait(ctx, wireID)) }},
	{"cancel through the recipients", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.Cancel(ctx, wireID))
	}},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.SandboxPayIn(ctx, wireID, wirePayin))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.SandboxPayIn(ctx, "t-1", bitpesa.PayinMethodParams{Type: "NGN::Bank"}))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Transactions.SandboxPayOut(ctx, wireID))
	}},

	{"full", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Webhooks.List(ctx, wirePage)) }},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Webhooks.List(ctx, bitpesa.ListOptions{}))
	}},
	{"all pages", func(ctx context.Context, c *bitpesa.Client) error {
		return wireAll(c.Webhooks.All(ctx, bitpesa.ListOptions{PerPage: 50}))
	}},
	{"full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Webhooks.Create(ctx, bitpesa.WebhookParams{
			URL:    "https://merchant.example/hooks?tenant=a&b=é",
			Events: []bitpesa.EventName{bitpesa.EventTransactionPaidIn, "sender.new"}, Metadata: wireMetadata,
		}))
	}},
	{"minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Webhooks.Create(ctx, bitpesa.WebhookParams{
			URL: "https://merchant.example/", Events: []bitpesa.EventName{bitpesa.EventSenderApproved},
		}))
	}},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Webhooks.Get(ctx, wireID)) }},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Webhooks.Delete(ctx, wireID)) }},
	{"plain", func(ctx context.Context, c *bitpesa.Client) error { return wireError(c.Webhooks.Events(ctx)) }},

	{"an endpoint that is in no row, full", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Do(ctx, sdk.RawCall{
			Method: "PUT", Path: "/v1/new/a%2Fb", Query: url.Values{"b": {"2 &", "1"}, "a": {"é"}},
			Body: map[string]any{"b": `<é&">`, "a": 1}, ReadOnly: true,
		}))
	}},
	{"an endpoint that is in no row, minimal", func(ctx context.Context, c *bitpesa.Client) error {
		return wireError(c.Do(ctx, sdk.RawCall{Method: "GET", Path: "/v1/new"}))
	}},
}
