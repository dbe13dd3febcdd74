package kotani_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

// specified is a shape of the specification.
func specified(t testing.TB, name string) string {
	t.Helper()
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(sample(t, "fiatconnect.json"), &all))
	require.Contains(t, all, name)
	return string(all[name])
}

var quoteParams = kotani.TransferQuoteParams{FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: decimal.NewFromInt(1300), Country: "KE"}

func TestAQuoteIsReadWhole(t *testing.T) {
	s := newScript(respond(200, specified(t, "quote")))
	q, err := newClient(t, s).FiatConnect.QuoteIn(t.Context(), quoteParams)
	require.NoError(t, err)
	assert.Equal(t, "q-1", q.ID)
	assert.Equal(t, kotani.TransferTypeOut, q.Type)
	wantMoney(t, "1300", q.FiatAmount.Decimal)
	wantMoney(t, "10", q.CryptoAmount.Decimal) // "10." is legal there
	wantMoney(t, "0.1", q.Fee.Decimal)
	assert.Equal(t, time.Date(2026, 4, 3, 9, 5, 0, 0, time.UTC), q.GuaranteedUntil)
	assert.True(t, q.KYCRequired)
	assert.Equal(t, []kotani.SchemaOffer{{Schema: "PersonalDataAndDocuments", AllowedValues: map[string][]string{"isoCountryCode": {"KE"}}}}, q.KYC)
	assert.Equal(t, map[kotani.FiatAccountType]kotani.AccountOffer{
		kotani.AccountMobileMoney: {
			Schemas:              []kotani.SchemaOffer{{Schema: "MobileMoney", AllowedValues: map[string][]string{"country": {"KE"}}}},
			SettlementLowerBound: "0", SettlementUpperBound: "86400",
		},
		kotani.AccountBank: {Schemas: []kotani.SchemaOffer{{Schema: "PIXAccount", AllowedValues: map[string][]string{}, UserAction: kotani.UserActionPIX}}},
	}, q.Accounts)
	assert.Equal(t, specified(t, "quote"), string(q.Raw))
	assert.Equal(t, `{"fiatType":"KES","cryptoType":"cUSD","fiatAmount":"1300","country":"KE","address":"`+walletAddress+`"}`, s.requests()[0].Body)
}

func TestAQuoteRequestHasOneAmountAndWhatWasAskedFor(t *testing.T) {
	s := newScript(respond(200, `{"quote":{}}`))
	p := quoteParams
	p.FiatAmount, p.CryptoAmount = decimal.Decimal{}, decimal.RequireFromString("0.000000000000000001")
	p.Region, p.Address, p.Preview = "KE-30", "0xde709f2102306220921060314715629080e2fb77", true
	q, err := newClient(t, s).FiatConnect.QuoteOut(t.Context(), p)
	require.NoError(t, err)
	assert.Empty(t, q.ID)
	assert.False(t, q.FiatAmount.Valid)
	assert.Equal(t, `{"fiatType":"KES","cryptoType":"cUSD","cryptoAmount":"0.000000000000000001","country":"KE","region":"KE-30","address":"0xde709f2102306220921060314715629080e2fb77","preview":true}`, s.requests()[0].Body)
}

func TestARefusedQuoteNamesItsLimits(t *testing.T) {
	s := newScript(respond(400, specified(t, "quote_error")))
	_, err := newClient(t, s).FiatConnect.QuoteIn(t.Context(), quoteParams)
	require.ErrorIs(t, err, kotani.ErrFiatAmountTooLow)
	limits := failure(t, err).Detail.(kotani.QuoteLimits)
	wantMoney(t, "100", limits.MinFiat.Decimal)
	wantMoney(t, "70000", limits.MaxFiat.Decimal)
	wantMoney(t, "1", limits.MinCrypto.Decimal)
	wantMoney(t, "538.46", limits.MaxCrypto.Decimal)

	s = newScript(respond(400, `{"error":"CryptoAmountTooHigh","maximumCryptoAmount":"1.79e+308","minimumCryptoAmount":"half"}`))
	_, err = newClient(t, s).FiatConnect.QuoteIn(t.Context(), quoteParams)
	limits, _ = failure(t, err).Detail.(kotani.QuoteLimits)
	assert.Equal(t, kotani.QuoteLimits{}, limits, "what is no amount there is none")
}

func TestEveryCodeIsASentinel(t *testing.T) {
	codes := []kotani.FiatConnectCode{
		kotani.ErrInvalidSignature, kotani.ErrGeoNotSupported, kotani.ErrCryptoAmountTooLow, kotani.ErrCryptoAmountTooHigh, kotani.ErrFiatAmountTooLow,
		kotani.ErrFiatAmountTooHigh, kotani.ErrCryptoNotSupported, kotani.ErrFiatNotSupported, kotani.ErrUnsupportedSchema, kotani.ErrInvalidSchema,
		kotani.ErrResourceExists, kotani.ErrResourceNotFound, kotani.ErrTransferNotAllowed, kotani.ErrKycExpired, kotani.ErrSessionUnauthorized,
		kotani.ErrSessionExpired, kotani.ErrInvalidParameters, kotani.ErrContractLoginNotSupported, kotani.ErrNonceInUse, kotani.ErrIssuedTooEarly,
		kotani.ErrExpirationTooLong, kotani.ErrInvalidFiatAccount, kotani.ErrInvalidQuote,
	}
	const specification = "InvalidSignature, GeoNotSupported, CryptoAmountTooLow, CryptoAmountTooHigh, FiatAmountTooLow, FiatAmountTooHigh, CryptoNotSupported, FiatNotSupported, UnsupportedSchema, InvalidSchema, ResourceExists, ResourceNotFound, TransferNotAllowed, KycExpired, Unauthorized, SessionExpired, InvalidParameters, ContractLoginNotSupported, NonceInUse, IssuedTooEarly, ExpirationTooLong, InvalidFiatAccount, InvalidQuote"
	var names []string
	for i, code := range codes {
		names = append(names, code.Error())
		s := newScript(respond(400, `{"error":"`+string(code)+`"}`))
		_, err := newClient(t, s).FiatConnect.QuoteIn(t.Context(), quoteParams)
		e := failure(t, err)
		assert.ErrorIs(t, err, code)
		assert.NotErrorIs(t, err, codes[(i+1)%len(codes)])
		assert.Equal(t, string(code), e.Code)
		assert.Equal(t, sdk.Rejected, e.Outcome)
	}
	assert.Equal(t, specification, strings.Join(names, ", "))

	for code, shared := range map[kotani.FiatConnectCode]error{
		kotani.ErrResourceExists: sdk.ErrDuplicate, kotani.ErrResourceNotFound: sdk.ErrNotFound, kotani.ErrSessionExpired: sdk.ErrUnauthorized,
		kotani.ErrInvalidParameters: sdk.ErrValidation, kotani.ErrInvalidSchema: sdk.ErrValidation,
	} {
		s := newScript(respond(400, `{"error":"`+string(code)+`"}`))
		_, err := newClient(t, s).FiatConnect.QuoteIn(t.Context(), quoteParams)
		assert.ErrorIs(t, err, shared, code)
	}
}

func TestResponsesMeanWhatTheSpecificationMeans(t *testing.T) {
	const rejected, unknown = "rejected", "unknown"
	for name, tc := range map[string]struct {
		status  int
		body    string
		outcome string
		kind    error
		code    string
	}{
		"a code it does not know":       {400, `{"error":"BrandNew"}`, unknown, kotani.FiatConnectCode("BrandNew"), "BrandNew"},
		"a text that is no code":        {400, `{"error":"0712345678 is bad"}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"no code at all":                {400, `{}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"plain text":                    {400, `missing API key`, unknown, sdk.ErrUnexpectedResponse, ""},
		"a proxy's page":                {400, `<html>`, unknown, sdk.ErrUnexpectedResponse, ""},
		"not found":                     {404, `{"error":"ResourceNotFound"}`, rejected, sdk.ErrNotFound, "ResourceNotFound"},
		"not found without a code":      {404, `{}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"exists":                        {409, `{"error":"ResourceExists"}`, rejected, sdk.ErrDuplicate, "ResourceExists"},
		"a crash":                       {500, `{"error":"InvalidQuote"}`, unknown, sdk.ErrServer, "InvalidQuote"},
		"forbidden":                     {403, `{}`, unknown, sdk.ErrForbidden, ""},
		"throttled":                     {429, `{"error":"TooManyRequests"}`, rejected, sdk.ErrRateLimited, "TooManyRequests"},
		"throttled by somebody":         {429, `{}`, unknown, sdk.ErrRateLimited, ""},
		"locked out without a code":     {401, `{}`, unknown, sdk.ErrUnauthorized, ""},
		"nobody waits any more":         {499, `{"error":"InvalidSchema"}`, unknown, kotani.ErrInvalidSchema, "InvalidSchema"},
		"a payload without a code":      {422, `{}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"a proxy's JSON":                {400, `{"errors":["client closed request"]}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"throttled by a proxy":          {429, `<html>`, unknown, sdk.ErrRateLimited, ""},
		"a good response without sense": {200, `{}`, unknown, sdk.ErrUnexpectedResponse, ""},
		"a code inside an HTTP 200":     {200, `{"error":"InvalidSchema"}`, rejected, kotani.ErrInvalidSchema, "InvalidSchema"},
		"a word inside an HTTP 200":     {200, `{"error":"none"}`, unknown, sdk.ErrUnexpectedResponse, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(respond(tc.status, tc.body))
			_, err := newClient(t, s, func(c *kotani.Config) { c.MaxAttempts = 1 }).FiatConnect.AddAccount(t.Context(), mobileMoney)
			e := failure(t, err)
			assert.Equal(t, tc.outcome, e.Outcome.String())
			assert.Equal(t, tc.code, e.Code)
			assert.ErrorIs(t, err, tc.kind)
			assert.NotContains(t, err.Error(), "0712345678")
		})
	}
}

var begun = kotani.TransferParams{FiatAccountID: "a-1", QuoteID: "q-1", IdempotencyKey: "order-17"}

func TestATransferIsRepeatedUnderItsKeyUntilItIsSettled(t *testing.T) {
	made := respond(200, `{"transferId":"t-1","transferStatus":"TransferStarted","transferAddress":"0x1111111111111111111111111111111111111111"}`)
	running := respond(409, `{}`)
	for name, tc := range map[string]struct {
		steps    []step
		sent     int
		outcome  string // empty: made
		sentinel error
	}{
		"a response":                  {[]step{made}, 1, "", nil},
		"dropped":                     {[]step{nil, made}, 2, "", nil},
		"dropped twice":               {[]step{nil, nil, made}, 3, "", nil},
		"an outage":                   {[]step{gateway, respond(500, `{}`), respond(503, ``), made}, 4, "", nil},
		"garbled":                     {[]step{isGarbled, made}, 2, "", nil},
		"without an id":               {[]step{respond(200, `{"transferStatus":"TransferStarted"}`), made}, 2, "", nil},
		"still at work":               {[]step{running, running, made}, 3, "", nil},
		"still at work in a page":     {[]step{respond(409, `<html>conflict</html>`)}, 1, "unknown", nil},
		"dropped, still at work":      {[]step{nil, running, made}, 3, "", nil},
		"at work for ever":            {[]step{running}, 4, "unknown", sdk.ErrInProgress},
		"with a code at work":         {[]step{respond(409, `{"error":"ResourceExists"}`)}, 4, "unknown", sdk.ErrInProgress},
		"lost for ever":               {[]step{nil}, 4, "unknown", nil},
		"another payload":             {[]step{respond(422, `{"error":"InvalidParameters"}`)}, 1, "rejected", sdk.ErrReferenceTaken},
		"a 422 of nobody's":           {[]step{respond(422, `{}`)}, 1, "unknown", sdk.ErrUnexpectedResponse},
		"another account":             {[]step{respond(200, `{"transferId":"t-1","transferStatus":"TransferStarted","fiatAccountId":"a-2"}`), made}, 2, "", nil},
		"the other direction":         {[]step{respond(200, `{"transferId":"t-1","transferStatus":"TransferStarted","transferType":"TransferIn"}`), made}, 2, "", nil},
		"dropped, then refused":       {[]step{nil, respond(400, `{"error":"InvalidQuote"}`)}, 2, "unknown", kotani.ErrInvalidQuote},
		"refused":                     {[]step{respond(400, `{"error":"KycExpired"}`)}, 1, "rejected", kotani.ErrKycExpired},
		"refused, and begun":          {[]step{respond(400, `{"error":"InvalidQuote","transferId":"t-1","transferStatus":"TransferStarted"}`)}, 1, "unknown", sdk.ErrUnexpectedResponse},
		"refused, and under way":      {[]step{respond(400, `{"error":"KycExpired","transferId":"t-1","status":"TransferReceivedCryptoFunds"}`)}, 1, "unknown", sdk.ErrUnexpectedResponse},
		"refused in a 200, and begun": {[]step{respond(200, `{"error":"InvalidQuote","transferId":"t-1","transferStatus":"TransferStarted"}`)}, 4, "unknown", sdk.ErrUnexpectedResponse},
		"no session, and begun":       {[]step{respond(401, `{"error":"SessionExpired","transferId":"t-1","transferStatus":"TransferStarted"}`)}, 1, "unknown", nil},
		"another payload, and begun":  {[]step{respond(422, `{"error":"InvalidParameters","transferId":"t-1","transferStatus":"TransferStarted"}`)}, 1, "unknown", nil},
		"refused, with a status":      {[]step{respond(400, `{"error":"InvalidQuote","status":"400","transferStatus":null}`)}, 1, "rejected", kotani.ErrInvalidQuote},
		"no such account":             {[]step{respond(404, `{"error":"ResourceNotFound"}`)}, 1, "rejected", kotani.ErrResourceNotFound},
		"a wrong path":                {[]step{respond(404, `<html>`)}, 1, "unknown", sdk.ErrUnexpectedResponse},
		"throttled":                   {[]step{respond(429, `{}`), made}, 2, "", nil},
		"throttled by a proxy":        {[]step{respond(429, `<html>`), made}, 2, "", nil},
		"dropped, session is gone":    {[]step{nil, respond(401, `{"error":"SessionExpired"}`), made}, 3, "", nil},
		"dropped, locked out":         {[]step{nil, respond(401, `{"error":"SessionExpired"}`)}, 3, "unknown", kotani.ErrSessionExpired},
		"dropped, throttled for ever": {[]step{nil, respond(429, `{}`)}, 4, "unknown", sdk.ErrRateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(tc.steps...)
				got, err := newClient(t, s).FiatConnect.TransferOut(t.Context(), begun)
				seen := s.requests()
				require.Len(t, seen, tc.sent)
				for _, r := range seen {
					assert.Equal(t, []string{"order-17"}, r.Header.Values("Idempotency-Key"))
					assert.Equal(t, `{"fiatAccountId":"a-1","quoteId":"q-1"}`, r.Body)
				}
				if tc.outcome == "" {
					require.NoError(t, err)
					assert.Equal(t, "t-1", got.ID)
					assert.Equal(t, "order-17", got.IdempotencyKey)
					return
				}
				assert.Nil(t, got)
				e := failure(t, err)
				assert.Equal(t, tc.outcome, e.Outcome.String())
				assert.Equal(t, "order-17", e.IdempotencyKey)
				assert.Equal(t, "order-17", e.Reference)
				if tc.sentinel != nil {
					assert.ErrorIs(t, err, tc.sentinel)
				}
			})
		})
	}
}

func TestAKeyIsMadeUpAndAlwaysShown(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	p := begun
	p.IdempotencyKey = ""
	s := newScript(respond(200, specified(t, "transfer")))
	client := newClient(t, s)
	keys := map[string]bool{}
	for range 3 {
		made, err := client.FiatConnect.TransferIn(t.Context(), p)
		require.NoError(t, err)
		assert.Regexp(t, uuid, made.IdempotencyKey)
		keys[made.IdempotencyKey] = true
	}
	assert.Len(t, keys, 3)
	for _, r := range s.requests() {
		assert.True(t, keys[r.Header.Get("Idempotency-Key")])
	}

	_, err := newClient(t, newScript(respond(400, `{"error":"InvalidQuote"}`))).FiatConnect.TransferIn(t.Context(), p)
	assert.Regexp(t, uuid, failure(t, err).IdempotencyKey)
	_, err = client.FiatConnect.TransferIn(t.Context(), kotani.TransferParams{})
	assert.Regexp(t, uuid, failure(t, err).IdempotencyKey)
}

func TestATransferIsReadWhole(t *testing.T) {
	made, err := newClient(t, newScript(respond(200, specified(t, "transfer")))).FiatConnect.TransferIn(t.Context(), begun)
	require.NoError(t, err)
	assert.Equal(t, kotani.TransferWaitingForUserAction, made.Status)
	assert.Equal(t, &kotani.UserAction{
		Type: kotani.UserActionAccountNumber, InstitutionName: "Bank", AccountName: "Provider", AccountNumber: "0123456789",
		TransactionReference: "ref", Deadline: time.Date(2026, 4, 3, 10, 0, 0, 0, time.UTC),
	}, made.UserAction)

	state, err := newClient(t, newScript(respond(200, specified(t, "transfer_status")))).FiatConnect.GetTransfer(t.Context(), "t-1")
	require.NoError(t, err)
	assert.Equal(t, kotani.TransferComplete, state.Status)
	assert.Equal(t, kotani.TransferTypeIn, state.Type)
	wantMoney(t, "1300", state.AmountProvided.Decimal)
	wantMoney(t, "9.9", state.AmountReceived.Decimal)
	wantMoney(t, "13", state.Fee.Decimal)
	assert.Equal(t, "a-1", state.FiatAccountID)
	assert.Len(t, state.TxHash, 66)
	assert.Nil(t, state.UserAction)

	for action, want := range map[string]kotani.UserAction{
		`{"userActionType":"PIXUserAction","pixString":"x"}`:           {Type: kotani.UserActionPIX, PIXString: "x"},
		`{"userActionType":"IBANUserAction","iban":"i","bic":"b"}`:     {Type: kotani.UserActionIBAN, IBAN: "i", BIC: "b"},
		`{"userActionType":"PSEUserAction","url":"https://a.example"}`: {Type: kotani.UserActionPSE, URL: "https://a.example"},
		`{"userActionType":"URLUserAction","url":"https://b.example"}`: {Type: kotani.UserActionURL, URL: "https://b.example"},
		`{"userActionType":"NewUserAction","newKey":"passes through"}`: {Type: "NewUserAction"},
	} {
		made, err := newClient(t, newScript(respond(200, `{"transferId":"t","transferStatus":"TransferStarted","userActionDetails":`+action+`}`))).FiatConnect.TransferIn(t.Context(), begun)
		require.NoError(t, err)
		assert.Equal(t, &want, made.UserAction)
	}
}

// The specification has "transferStatus" in the response to a transfer, and "status" in a
// lookup and in an event. The other one is another request's.
func TestATransfersStatusIsReadFromTheFieldOfItsRequest(t *testing.T) {
	ask := map[string]func(*kotani.FiatConnect) (*kotani.Transfer, error){
		"transferStatus": func(f *kotani.FiatConnect) (*kotani.Transfer, error) { return f.TransferIn(t.Context(), begun) },
		"status":         func(f *kotani.FiatConnect) (*kotani.Transfer, error) { return f.GetTransfer(t.Context(), "t-1") },
	}
	for own, call := range ask {
		for other := range ask {
			if other == own {
				continue
			}
			body := `{"transferId":"t-1","` + own + `":"TransferStarted","` + other + `":"TransferComplete"}`
			client := newClient(t, newScript(respond(200, body)), func(c *kotani.Config) { c.MaxAttempts = 1 })
			got, err := call(client.FiatConnect)
			require.NoError(t, err)
			assert.Equal(t, kotani.TransferStarted, got.Status, body)
			body = `{"transferId":"t-1","` + other + `":"TransferComplete"}`
			_, err = call(newClient(t, newScript(respond(200, body)), func(c *kotani.Config) { c.MaxAttempts = 1 }).FiatConnect)
			assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse, body)
		}
	}
	event := func(name string) error {
		_, err := kotani.ParseFiatConnectEvent([]byte(`{"eventType":"WebhookTransferInStatusEvent","eventId":"e","timestamp":"1700000000","payload":{"transferId":"t","` + name + `":"TransferComplete"}}`))
		return err
	}
	require.NoError(t, event("status"))
	assert.Error(t, event("transferStatus"))
}

// A state can belong to one direction only. A state that nobody lists passes through.
func TestATransferBeginsInAStateOfItsDirection(t *testing.T) {
	for status, in := range map[kotani.TransferStatus][2]bool{ // in, out
		kotani.TransferStarted: {true, true}, kotani.TransferFailed: {true, true}, kotani.TransferComplete: {true, true}, "TransferQueued": {true, true},
		kotani.TransferFiatFundsDebited: {true, false}, kotani.TransferWaitingForUserAction: {true, false},
		kotani.TransferReceivedFiatFunds: {true, false}, kotani.TransferSendingCryptoFunds: {true, false},
		kotani.TransferReadyForUserToSendCryptoFunds: {false, true}, kotani.TransferReceivedCryptoFunds: {false, true}, kotani.TransferAmlFailed: {false, true},
	} {
		client := newClient(t, newScript(respond(200, `{"transferId":"t-1","transferStatus":"`+string(status)+`"}`)), func(c *kotani.Config) { c.MaxAttempts = 1 })
		for i, call := range []func(context.Context, kotani.TransferParams) (*kotani.Transfer, error){client.FiatConnect.TransferIn, client.FiatConnect.TransferOut} {
			_, err := call(t.Context(), begun)
			if in[i] {
				assert.NoError(t, err, "%s %d", status, i)
				continue
			}
			assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "%s %d", status, i)
		}
	}
}

func TestAccountsComeInOneListWhateverTheirType(t *testing.T) {
	list, err := newClient(t, newScript(respond(200, specified(t, "accounts")))).FiatConnect.ListAccounts(t.Context())
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	assert.Equal(t, "a-1", list.Items[0].ID)
	assert.Equal(t, kotani.AccountMobileMoney, list.Items[0].Type)
	assert.NotEmpty(t, list.Items[0].Raw)

	for body, ok := range map[string]bool{`{}`: true, `null`: false, `[]`: false, `{"BankAccount":[{}]}`: false, `{"BankAccount":{}}`: false} {
		_, err := newClient(t, newScript(respond(200, body)), func(c *kotani.Config) { c.MaxAttempts = 1 }).FiatConnect.ListAccounts(t.Context())
		assert.Equal(t, ok, err == nil, body)
	}
}

func TestDeletionsTakeAnyBody(t *testing.T) {
	for _, body := range []string{``, `{}`, `deleted`} {
		client := newClient(t, newScript(respond(200, body)))
		assert.NoError(t, client.FiatConnect.DeleteAccount(t.Context(), "a-1"))
		assert.NoError(t, client.FiatConnect.DeleteKYC(t.Context(), kotani.KYCPersonal))
	}
	err := newClient(t, newScript(respond(404, `{"error":"ResourceNotFound"}`))).FiatConnect.DeleteAccount(t.Context(), "a-1")
	assert.ErrorIs(t, err, kotani.ErrResourceNotFound)
	assert.Equal(t, "a-1", failure(t, err).Reference)
}

func TestWaitingForTransfersAndKYC(t *testing.T) {
	state := func(status kotani.TransferStatus) step {
		return respond(200, `{"transferId":"t-1","status":"`+string(status)+`"}`)
	}
	kyc := func(status kotani.KYCStatus) step { return respond(200, `{"kycStatus":"`+string(status)+`"}`) }
	synctest.Test(t, func(t *testing.T) {
		s := newScript(state(kotani.TransferStarted), gateway, state(kotani.TransferReadyForUserToSendCryptoFunds), state(kotani.TransferReceivedCryptoFunds), state(kotani.TransferComplete))
		client := newClient(t, s)
		got, err := client.FiatConnect.WaitTransfer(t.Context(), "t-1", kotani.TransferReadyForUserToSendCryptoFunds)
		require.NoError(t, err)
		assert.Equal(t, kotani.TransferReadyForUserToSendCryptoFunds, got.Status)
		got, err = client.FiatConnect.WaitTransfer(t.Context(), "t-1")
		require.NoError(t, err)
		assert.Equal(t, kotani.TransferComplete, got.Status)

		got, err = newClient(t, newScript(state(kotani.TransferAmlFailed))).FiatConnect.WaitTransfer(t.Context(), "t-1")
		require.NoError(t, err, "a failed transaction is no error")
		assert.Equal(t, kotani.TransferAmlFailed, got.Status)

		record, err := newClient(t, newScript(kyc(kotani.KYCPending), kyc(kotani.KYCDenied))).FiatConnect.WaitKYC(t.Context(), kotani.KYCPersonal)
		require.NoError(t, err)
		assert.Equal(t, kotani.KYCDenied, record.Status)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		record, err = newClient(t, newScript(kyc(kotani.KYCPending))).FiatConnect.WaitKYC(ctx, kotani.KYCPersonal)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, kotani.KYCPending, record.Status)
		_, err = newClient(t, newScript(respond(404, `{"error":"ResourceNotFound"}`))).FiatConnect.WaitTransfer(t.Context(), "t-1")
		assert.ErrorIs(t, err, sdk.ErrNotFound)
	})
}

// The transitions of the specification, and only those.
func TestTransfersGoTheirWay(t *testing.T) {
	all := []kotani.TransferStatus{
		kotani.TransferStarted, kotani.TransferFiatFundsDebited, kotani.TransferWaitingForUserAction, kotani.TransferSendingCryptoFunds,
		kotani.TransferAmlFailed, kotani.TransferReadyForUserToSendCryptoFunds, kotani.TransferReceivedCryptoFunds, kotani.TransferReceivedFiatFunds,
		kotani.TransferComplete, kotani.TransferFailed,
	}
	const specification = `TransferIn TransferStarted TransferFiatFundsDebited,TransferWaitingForUserAction,TransferFailed
TransferIn TransferFiatFundsDebited TransferReceivedFiatFunds,TransferFailed
TransferIn TransferWaitingForUserAction TransferReceivedFiatFunds,TransferFailed
TransferIn TransferSendingCryptoFunds TransferComplete,TransferFailed
TransferIn TransferReceivedFiatFunds TransferSendingCryptoFunds,TransferFailed
TransferOut TransferStarted TransferReadyForUserToSendCryptoFunds,TransferAmlFailed,TransferFailed
TransferOut TransferReadyForUserToSendCryptoFunds TransferReceivedCryptoFunds,TransferFailed
TransferOut TransferReceivedCryptoFunds TransferComplete,TransferFailed`
	var lines []string
	for _, kind := range []kotani.TransferType{kotani.TransferTypeIn, kotani.TransferTypeOut, "Other"} {
		for _, from := range all {
			next := from.Next(kind)
			if len(next) > 0 {
				var names []string
				for _, to := range next {
					names = append(names, string(to))
					assert.True(t, from.CanBecome(kind, to))
				}
				lines = append(lines, string(kind)+" "+string(from)+" "+strings.Join(names, ","))
			}
			assert.False(t, from.Final() && len(next) > 0)
		}
	}
	assert.Equal(t, specification, strings.Join(lines, "\n"))
	assert.True(t, kotani.TransferStarted.CanBecome(kotani.TransferTypeIn, kotani.TransferComplete), "whoever polls may miss some")
	assert.False(t, kotani.TransferComplete.CanBecome(kotani.TransferTypeIn, kotani.TransferStarted))
	assert.False(t, kotani.TransferStarted.CanBecome(kotani.TransferTypeIn, kotani.TransferAmlFailed), "that is for the other direction")
	assert.False(t, kotani.TransferStatus("New").Final())
	assert.Equal(t, 3, len(slices.DeleteFunc(slices.Clone(all), func(s kotani.TransferStatus) bool { return !s.Final() })))
}

func TestKYCGoesItsWay(t *testing.T) {
	assert.True(t, kotani.KYCPending.CanBecome(kotani.KYCApproved))
	assert.True(t, kotani.KYCPending.CanBecome(kotani.KYCExpired))
	assert.True(t, kotani.KYCNotCreated.CanBecome(kotani.KYCDenied))
	assert.False(t, kotani.KYCDenied.CanBecome(kotani.KYCApproved))
	assert.False(t, kotani.KYCExpired.CanBecome(kotani.KYCApproved))
	for status, decided := range map[kotani.KYCStatus]bool{
		kotani.KYCNotCreated: false, kotani.KYCPending: false, kotani.KYCApproved: true, kotani.KYCDenied: true, kotani.KYCExpired: true, "New": false,
	} {
		assert.Equal(t, decided, status.Decided(), status)
	}
}

func TestCredentialsAreHandedOver(t *testing.T) {
	s := newScript(respond(200, `{"apiKey":"planted-key","webhook":"https://merchant.example/fc","webhookSecret":"planted-secret"}`))
	c, err := newClient(t, s).FiatConnect.CreateCredentials(t.Context(), "https://merchant.example/fc")
	require.NoError(t, err)
	assert.Equal(t, "planted-key", c.APIKey)
	assert.Equal(t, "planted-secret", c.WebhookSecret)
	_, err = newClient(t, newScript(respond(200, `{"apiKey":"k"}`))).FiatConnect.CreateCredentials(t.Context(), "https://merchant.example/fc")
	assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
}

// Kotani tells most of its errors inside an HTTP 200.
func TestARefusalInsideAnHTTP200IsOne(t *testing.T) {
	refusal := func(code string) step { return respond(200, `{"error":"`+code+`"}`) }
	err := newClient(t, newScript(refusal("ResourceNotFound"))).FiatConnect.DeleteAccount(t.Context(), "a-1")
	require.ErrorIs(t, err, kotani.ErrResourceNotFound, "nothing was deleted")
	assert.Equal(t, sdk.Rejected, failure(t, err).Outcome)

	s := newScript(refusal("InvalidQuote"))
	_, err = newClient(t, s).FiatConnect.TransferIn(t.Context(), begun)
	require.ErrorIs(t, err, kotani.ErrInvalidQuote)
	assert.NotErrorIs(t, err, sdk.ErrOutcomeUnknown)
	assert.Len(t, s.requests(), 1)

	s = newScript(refusal("SessionExpired"), respond(200, specified(t, "transfer")))
	_, err = newClient(t, s).FiatConnect.TransferIn(t.Context(), begun)
	require.NoError(t, err, "logged in anew, sent again")
	require.Len(t, s.requests(), 2)
	assert.Equal(t, s.requests()[0].Header.Get("Idempotency-Key"), s.requests()[1].Header.Get("Idempotency-Key"))
}

// A kept connection that is out of step brings the refusal of a quote, an account or a login.
func TestOnlyATransfersOwnCodesRefuseATransfer(t *testing.T) {
	own := map[kotani.FiatConnectCode][]int{ // the statuses of the specification, and Kotani's own 200
		kotani.ErrKycExpired: {200, 400}, kotani.ErrTransferNotAllowed: {200, 400}, kotani.ErrInvalidQuote: {200, 400}, kotani.ErrInvalidFiatAccount: {200, 400},
		kotani.ErrInvalidParameters: {200, 400, 422}, kotani.ErrResourceNotFound: {200, 404},
		kotani.ErrSessionUnauthorized: {200, 401}, kotani.ErrSessionExpired: {200, 401},
	}
	others := []kotani.FiatConnectCode{
		kotani.ErrInvalidSignature, kotani.ErrGeoNotSupported, kotani.ErrCryptoAmountTooLow, kotani.ErrCryptoAmountTooHigh,
		kotani.ErrFiatAmountTooLow, kotani.ErrFiatAmountTooHigh, kotani.ErrCryptoNotSupported, kotani.ErrFiatNotSupported,
		kotani.ErrUnsupportedSchema, kotani.ErrInvalidSchema, kotani.ErrResourceExists, kotani.ErrContractLoginNotSupported,
		kotani.ErrNonceInUse, kotani.ErrIssuedTooEarly, kotani.ErrExpirationTooLong,
	}
	named := []int{200}
	for status := 400; status < 500; status++ {
		if http.StatusText(status) != "" {
			named = append(named, status)
		}
	}
	var many clienttest.Sixteenth
	for _, wr := range writes {
		if !wr.fiatConnect() {
			continue
		}
		for _, code := range append(slices.Sorted(maps.Keys(own)), others...) {
			statuses := named
			if own[code] == nil {
				statuses = []int{200, 400, 401, 403, 404, 409, 422}
			}
			for _, status := range statuses {
				if many.LeavesOut() {
					continue
				}
				t.Run(fmt.Sprint(wr.op, "/", code, " ", status), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						refuses := slices.Contains(own[code], status)
						works, err := wr.replied(t, func(_ map[string]any, deliver func() string) (int, string) {
							if !refuses {
								deliver()
							}
							return status, fmt.Sprintf(`{"error":%q}`, code)
						})
						if refuses {
							assert.Zero(t, works)
							assert.ErrorIs(t, err, sdk.ErrRejected)
							return
						}
						assert.Equal(t, 1, works)
						assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
						if status != http.StatusConflict && status != http.StatusRequestTimeout { // which have a meaning without a code
							assert.ErrorIs(t, err, code)
						}
					})
				})
			}
		}
	}
}
