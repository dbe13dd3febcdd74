package bitpesa_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestAllFaultsAreNamedBeforeAnythingIsSent(t *testing.T) {
	bad := validTransaction()
	bad.InputCurrency, bad.ExternalID = "", ""
	bad.Sender = bitpesa.SenderParams{ID: "s-1", ExternalID: "sender-1"}
	bad.Recipients = append(bad.Recipients, bitpesa.RecipientParams{PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.GBPBank, Details: bitpesa.PayoutDetails{LastName: "Doe", SortCode: "1", BirthDate: "1/2/1990", Extra: map[string]any{"sort_code": "2"}}}})
	bad.PayinMethods = []bitpesa.PayinMethodParams{{}}
	newSender := validTransaction()
	newSender.Sender = bitpesa.SenderParams{ExternalID: "sender-1", FirstName: "Example", Documents: []bitpesa.DocumentParams{{ID: "d-1"}, {Upload: "x"}}}
	withPayin := validTransaction()
	withPayin.PayinMethods = []bitpesa.PayinMethodParams{{Type: "NGN::Bank"}}
	sender := bitpesa.SenderParams{ID: "s-1", Type: bitpesa.Business, PoliticallyExposedPeople: make([]bitpesa.PoliticallyExposedPerson, 4), BirthDate: "x", BusinessParams: bitpesa.BusinessParams{RegistrationDate: "x"}}

	server := newStub(t, always(says(200, "{}")))
	client := newClient(t, server)
	odd := bitpesa.PayoutDetails{Extra: map[string]any{"memo": "\xff"}}
	unnamed := validTransaction()
	unnamed.ExternalID = ""
	for name, row := range map[string]struct {
		call func(context.Context) error
		want string // the fields, in order
	}{
		"transaction": {func(ctx context.Context) error { return fails(client.Transactions.CreateAndFund(ctx, bad)) },
			"external_id input_currency payin_methods.0.type recipients.1.payout_method.details.birth_date recipients.1.payout_method.details.first_name recipients.1.payout_method.details.iban recipients.1.payout_method.details.sort_code recipients.1.requested_amount recipients.1.requested_currency sender.id"},
		"no recipients": {func(ctx context.Context) error {
			return fails(client.Transactions.Create(ctx, bitpesa.TransactionParams{InputCurrency: "USD", Sender: bitpesa.SenderParams{ExternalID: "sender-1"}}))
		}, "recipients"},
		"a new sender in a transaction": {func(ctx context.Context) error { return fails(client.Transactions.Validate(ctx, newSender)) },
			"sender.country sender.documents.1.upload_file_name sender.street"},
		"a collection from the balance": {func(ctx context.Context) error { return fails(client.Transactions.PayFromBalance(ctx, withPayin)) }, "payin_methods"},
		"sender":                        {func(ctx context.Context) error { return fails(client.Senders.Create(ctx, sender)) }, "birth_date country id name politically_exposed_people registration_date"},
		"sender update":                 {func(ctx context.Context) error { return fails(client.Senders.Update(ctx, "..", sender)) }, "birth_date id politically_exposed_people registration_date"},
		"no id":                         {func(ctx context.Context) error { return fails(client.Senders.Get(ctx, "")) }, "id"},
		"no debit":                      {func(ctx context.Context) error { return fails(client.Debits.CreateMany(ctx, nil)) }, "debits"},
		"debit": {func(ctx context.Context) error {
			return fails(client.Debits.Create(ctx, bitpesa.DebitParams{Amount: null("0")}))
		}, "amount currency to_id"},
		"debits": {func(ctx context.Context) error {
			return fails(client.Debits.CreateMany(ctx, []bitpesa.DebitParams{{ToID: "t-1"}, {ToID: ".", Amount: null("1"), Currency: "USD"}}))
		}, "1.to_id"},
		"bank account": {func(ctx context.Context) error {
			return fails(client.AccountValidations.Create(ctx, bitpesa.AccountValidationParams{Method: bitpesa.ValidateBank}))
		}, "bank_account country currency"},
		"mobile account": {func(ctx context.Context) error {
			return fails(client.AccountValidations.Create(ctx, bitpesa.AccountValidationParams{Method: bitpesa.ValidateMobile, Country: "UG", Currency: "UGX"}))
		}, "phone_number"},
		"no method": {func(ctx context.Context) error {
			return fails(client.AccountValidations.Create(ctx, bitpesa.AccountValidationParams{Country: "UG", Currency: "UGX"}))
		}, "method"},
		"account": {func(ctx context.Context) error { return fails(client.Accounts.Get(ctx, "")) }, "currency"},
		"document": {func(ctx context.Context) error {
			return fails(client.Documents.Create(ctx, bitpesa.DocumentParams{ID: "d-1"}))
		}, "id"},
		"new document": {func(ctx context.Context) error {
			return fails(client.Documents.Create(ctx, bitpesa.DocumentParams{ExpiryDate: "soon"}))
		}, "expiry_date upload upload_file_name"},
		"payout method": {func(ctx context.Context) error {
			return fails(client.PayoutMethods.Create(ctx, bitpesa.PayoutMethodParams{}))
		}, "type"},
		"payout id": {func(ctx context.Context) error {
			return fails(client.PayoutMethods.Create(ctx, bitpesa.PayoutMethodParams{ID: "m-1"}))
		}, "id"},
		"payin update": {func(ctx context.Context) error {
			return fails(client.PayinMethods.Update(ctx, "p-1", bitpesa.PayinMethodParams{}))
		}, "payin_method"},
		"webhook": {func(ctx context.Context) error {
			return fails(client.Webhooks.Create(ctx, bitpesa.WebhookParams{URL: "shop.example"}))
		}, "events url"},
		"payout method update": {func(ctx context.Context) error {
			return fails(client.PayoutMethods.Update(ctx, "m-1", bitpesa.PayoutMethodParams{ID: "m-2", Details: odd}))
		}, "details.memo id"},
		"payout method's details": {func(ctx context.Context) error {
			return fails(client.PayoutMethods.Create(ctx, bitpesa.PayoutMethodParams{Type: "NEW::Bank", Details: odd}))
		}, "details.memo"},
		"recipient update": {func(ctx context.Context) error {
			return fails(client.Recipients.Update(ctx, "r-1", bitpesa.RecipientUpdate{PayoutMethod: bitpesa.PayoutMethodParams{Details: odd}}))
		}, "payout_method.details.memo"},
		"another sender's id": {func(ctx context.Context) error {
			return fails(client.Senders.Update(ctx, "s-1", bitpesa.SenderParams{ID: "s-2"}))
		}, "id"},
		"a payment without a reference": {func(ctx context.Context) error { return fails(client.Transactions.PayFromBalance(ctx, unnamed)) }, "external_id"},
		"find nothing":                  {func(ctx context.Context) error { return fails(client.Senders.Find(ctx, "")) }, "external_id"},
		"delete nothing":                {func(ctx context.Context) error { return fails(client.Webhooks.Delete(ctx, "")) }, "id"},
		"delete a folder":               {func(ctx context.Context) error { return fails(client.Webhooks.Delete(ctx, "..")) }, "id"},
		"delete with a space":           {func(ctx context.Context) error { return fails(client.Webhooks.Delete(ctx, "w-1 ")) }, "id"},
		"proofs":                        {func(ctx context.Context) error { return fails(client.Recipients.ProofOfPayments(ctx, "")) }, "id"},
		"recipients": {func(ctx context.Context) error {
			return fails(client.Recipients.List(ctx, bitpesa.RecipientListOptions{AmountFrom: null("-1"), AmountTo: null("0")}))
		}, "amount_from amount_to"},
		"sandbox": {func(ctx context.Context) error {
			return fails(client.Transactions.SandboxPayIn(ctx, "", bitpesa.PayinMethodParams{}))
		}, "id type"},
	} {
		t.Run(name, func(t *testing.T) {
			err := row.call(t.Context())
			require.ErrorIs(t, err, sdk.ErrValidation)
			assert.ErrorIs(t, err, sdk.ErrNotSent)
			var apiErr *sdk.Error
			require.ErrorAs(t, err, &apiErr)
			var names []string
			for field := range apiErr.Fields {
				names = append(names, field)
			}
			assert.ElementsMatch(t, strings.Fields(row.want), names)
		})
	}
	assert.Empty(t, server.requests())
}

func TestAmountsAreBounded(t *testing.T) {
	client := newClient(t, newStub(t, always(says(200, "{}"))))
	for _, bad := range []decimal.Decimal{{}, amount("-1"), amount("0.000000001"), decimal.New(1, 1<<30), decimal.New(1, 19)} {
		p := validTransaction()
		p.Recipients[0].RequestedAmount = bad
		_, err := client.Transactions.Create(t.Context(), p)
		assert.ErrorIs(t, err, sdk.ErrValidation)
	}
	_, err := client.Recipients.List(t.Context(), bitpesa.RecipientListOptions{Currencies: []string{"USD"}, AmountFrom: decimal.NewNullDecimal(decimal.New(1, 1<<30))})
	assert.ErrorIs(t, err, sdk.ErrValidation)
}

// An account under simplified rules needs only one of three.
func TestASenderNeedsAnAddressOrAPaperOrABirthDate(t *testing.T) {
	client := serve(t, `{"object":{"id":"s-1","state":"approved"}}`)
	for _, p := range []bitpesa.SenderParams{
		{Country: "UG", BirthDate: "1970-01-01"},
		{Country: "UG", IdentificationNumber: "AB12", IdentificationType: bitpesa.Passport},
		{Country: "UG", Street: "s", City: "c", PostalCode: "p"},
	} {
		_, err := client.Senders.Create(t.Context(), p)
		assert.NoError(t, err)
	}
	for _, p := range []bitpesa.SenderParams{
		{Country: "UG"},
		{Country: "UG", IdentificationNumber: "AB12"},
		{Country: "UG", Street: "s", City: "c"},
	} {
		_, err := client.Senders.Create(t.Context(), p)
		assert.ErrorIs(t, err, sdk.ErrValidation)
	}
}

// Every documented corridor takes its required details, and none of them less.
func TestEveryCorridorChecksItsDetails(t *testing.T) {
	all := bitpesa.PayoutDetails{
		FirstName: "x", MiddleName: "x", LastName: "x", PhoneNumber: "0700000000", MobileProvider: "x", CashProvider: "x",
		BankCode: "x", BankAccount: "x", BankAccountType: "x", BankName: "x", BranchCode: "x", SortCode: "x", IBAN: "x", Country: "x",
		Street: "x", City: "x", PostalCode: "x", IdentityCardType: "x", IdentityCardID: "x", SenderIdentityCardType: "x",
		SenderIdentityCardID: "x", TransferReason: "x", Name: "x", Address: "x",
	}
	corridors := map[bitpesa.PayoutType]int{ // to how many details the fact sheet requires
		bitpesa.NGNBank: 4, bitpesa.NGNMobile: 3, bitpesa.GHSBank: 4, bitpesa.GHSMobile: 3, bitpesa.UGXMobile: 3, bitpesa.TZSMobile: 3,
		bitpesa.UGXBank: 9, bitpesa.XOFMobile: 4, bitpesa.XOFBank: 3, bitpesa.XOFCash: 4, bitpesa.XAFMobile: 4, bitpesa.XAFBank: 3,
		bitpesa.GNFMobile: 4, bitpesa.KESBank: 8, bitpesa.KESMobile: 8, bitpesa.EURBank: 3, bitpesa.GBPBank: 3, bitpesa.ZARBank: 4,
		bitpesa.MADCash: 5, bitpesa.USDBank: 3, bitpesa.USDCash: 4, bitpesa.EGPBank: 6, bitpesa.EGPCash: 6, bitpesa.BRLBank: 6,
		bitpesa.CADBank: 5, bitpesa.NZDBank: 4, bitpesa.BWPBank: 5, bitpesa.ZMWBank: 4, bitpesa.BTC: 4,
		bitpesa.PENBank: 7, bitpesa.GTQBank: 6, bitpesa.CRCBank: 6, bitpesa.MADBank: 4, bitpesa.VNDBank: 4, bitpesa.VNDMobile: 5,
	}
	client := serve(t, `{"object":{"id":"m-1"}}`)
	for corridor, n := range corridors {
		assert.Len(t, bitpesa.RequiredDetails(corridor), n, corridor)
		_, err := client.PayoutMethods.Create(t.Context(), bitpesa.PayoutMethodParams{Type: corridor, Details: all})
		assert.NoError(t, err, corridor)
		_, err = client.PayoutMethods.Create(t.Context(), bitpesa.PayoutMethodParams{Type: corridor})
		var apiErr *sdk.Error
		if assert.ErrorAs(t, err, &apiErr, corridor) {
			assert.Len(t, apiErr.Fields, n, corridor)
		}
	}
	for _, corridor := range []bitpesa.PayoutType{bitpesa.BalancePayout("USD"), "VND::Cash", "USD::Manual::Bank"} {
		assert.Empty(t, bitpesa.RequiredDetails(corridor))
		_, err := client.PayoutMethods.Create(t.Context(), bitpesa.PayoutMethodParams{Type: corridor, Details: bitpesa.PayoutDetails{Extra: map[string]any{"anything": 1}}})
		assert.NoError(t, err, corridor)
	}
}

func TestAlternativeDetailsAreEitherOr(t *testing.T) {
	client := serve(t, `{"object":{"id":"m-1"}}`)
	person := bitpesa.PayoutDetails{FirstName: "x", LastName: "x"}
	with := func(d bitpesa.PayoutDetails, change func(*bitpesa.PayoutDetails)) bitpesa.PayoutDetails {
		change(&d)
		return d
	}
	for name, row := range map[string]struct {
		corridor bitpesa.PayoutType
		details  bitpesa.PayoutDetails
		ok       bool
	}{
		"GBP by IBAN":      {bitpesa.GBPBank, with(person, func(d *bitpesa.PayoutDetails) { d.IBAN = "x" }), true},
		"GBP by account":   {bitpesa.GBPBank, with(person, func(d *bitpesa.PayoutDetails) { d.BankAccount, d.SortCode = "x", "x" }), true},
		"GBP half":         {bitpesa.GBPBank, with(person, func(d *bitpesa.PayoutDetails) { d.BankAccount = "x" }), false},
		"ZAR by bank":      {bitpesa.ZARBank, with(person, func(d *bitpesa.PayoutDetails) { d.BankAccount, d.PhoneNumber, d.BankCode = "x", "0700000000", "x" }), true},
		"ZAR by branch":    {bitpesa.ZARBank, with(person, func(d *bitpesa.PayoutDetails) { d.BankAccount, d.PhoneNumber, d.BranchCode = "x", "0700000000", "x" }), true},
		"ZAR of a company": {bitpesa.ZARBank, bitpesa.PayoutDetails{Name: "x", BankAccount: "x", PhoneNumber: "0700000000", BranchCode: "x"}, true},
		"ZAR of nobody":    {bitpesa.ZARBank, bitpesa.PayoutDetails{BankAccount: "x", PhoneNumber: "0700000000", BranchCode: "x"}, false},
		"in Extra":         {bitpesa.XOFBank, with(person, func(d *bitpesa.PayoutDetails) { d.Extra = map[string]any{"iban": "x"} }), true},
		"empty in Extra":   {bitpesa.XOFBank, with(person, func(d *bitpesa.PayoutDetails) { d.Extra = map[string]any{"iban": ""} }), false},
	} {
		_, err := client.PayoutMethods.Create(t.Context(), bitpesa.PayoutMethodParams{Type: row.corridor, Details: row.details})
		assert.Equal(t, row.ok, err == nil, "%s: %v", name, err)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	good := bitpesa.Config{Key: testKey, Secret: testSecret, BaseURL: bitpesa.ProductionURL}
	_, err := bitpesa.New(good)
	require.NoError(t, err)
	for name, change := range map[string]func(*bitpesa.Config){
		"Key is required":    func(c *bitpesa.Config) { c.Key = "" },
		"Key holds":          func(c *bitpesa.Config) { c.Key = "planted\nkey" },
		"Secret is required": func(c *bitpesa.Config) { c.Secret = "" },
		"Secret begins":      func(c *bitpesa.Config) { c.Secret = "planted " },
		"BaseURL: is req":    func(c *bitpesa.Config) { c.BaseURL = "" },
		"BaseURL holds":      func(c *bitpesa.Config) { c.BaseURL = "https://bücher.example" },
		"BaseURL: plain":     func(c *bitpesa.Config) { c.BaseURL = "http://api.bitpesa.co" },
		"BaseURL: must not":  func(c *bitpesa.Config) { c.BaseURL = "https://api.bitpesa.co?x=1" },
		"MaxAttempts":        func(c *bitpesa.Config) { c.MaxAttempts = -1 },
		"Routes":             func(c *bitpesa.Config) { c.Routes = map[string]sdk.Route{"x": {}} },
	} {
		cfg := good
		change(&cfg)
		_, err := bitpesa.New(cfg)
		if assert.Error(t, err, name) {
			assert.True(t, strings.HasPrefix(err.Error(), "bitpesa: "+name), err.Error())
			assert.NotContains(t, err.Error(), "planted")
		}
	}
}

var errChanged = errors.New("the caller's parameters were changed")

// phoneCalls send a phone number in each place that takes one. The path leads to it in
// the request's body.
var phoneCalls = map[string]struct {
	call  func(ctx context.Context, c *bitpesa.Client, number string) error
	path  string
	field string
}{
	"sender": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		p := validSender()
		p.PhoneNumber = number
		return fails(c.Senders.Create(ctx, p))
	}, "sender.phone_number", "phone_number"},
	"sender's update": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		return fails(c.Senders.Update(ctx, "x-1", bitpesa.SenderParams{PhoneNumber: number}))
	}, "sender.phone_number", "phone_number"},
	"sender of a transaction": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		p := validTransaction()
		p.Sender = validSender()
		p.Sender.PhoneNumber = number
		return fails(c.Transactions.Create(ctx, p))
	}, "transaction.sender.phone_number", "sender.phone_number"},
	"recipient": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		p := validTransaction()
		p.Recipients[0].PayoutMethod.Details.PhoneNumber = number
		err := fails(c.Transactions.Validate(ctx, p))
		if p.Recipients[0].PayoutMethod.Details.PhoneNumber != number {
			return errChanged
		}
		return err
	}, "transaction.recipients.0.payout_method.details.phone_number", "recipients.0.payout_method.details.phone_number"},
	"prepared transaction": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		p := validTransaction()
		p.Sender = validSender()
		p.Sender.PhoneNumber = number
		prepared, err := c.Transactions.Prepare(p)
		if err != nil {
			return err
		}
		return fails(prepared.Send(ctx, prepared.Body))
	}, "transaction.sender.phone_number", "sender.phone_number"},
	"payin": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		p := validTransaction()
		details := map[string]any{"phone_number": number}
		p.PayinMethods = []bitpesa.PayinMethodParams{{Type: "XOF::Mobile", InDetails: details}}
		err := fails(c.Transactions.Calculate(ctx, p))
		if details["phone_number"] != number || p.PayinMethods[0].InDetails["phone_number"] != number {
			return errChanged
		}
		return err
	}, "transaction.payin_methods.0.in_details.phone_number", "payin_methods.0.in_details.phone_number"},
	"payin's update": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		return fails(c.PayinMethods.Update(ctx, "x-1", bitpesa.PayinMethodParams{InDetails: map[string]any{"phone_number": number}}))
	}, "in_details.phone_number", "in_details.phone_number"},
	"sandbox payin": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		return fails(c.Transactions.SandboxPayIn(ctx, "x-1", bitpesa.PayinMethodParams{Type: "XOF::Mobile", InDetails: map[string]any{"phone_number": number}}))
	}, "payin_method.in_details.phone_number", "in_details.phone_number"},
	"payout method": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		details := bitpesa.PayoutDetails{FirstName: "A", LastName: "B", PhoneNumber: number}
		return fails(c.PayoutMethods.Create(ctx, bitpesa.PayoutMethodParams{Type: bitpesa.GHSMobile, Details: details}))
	}, "payout_method.details.phone_number", "details.phone_number"},
	"payout method's update": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		return fails(c.PayoutMethods.Update(ctx, "x-1", bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{PhoneNumber: number}}))
	}, "details.phone_number", "details.phone_number"},
	"recipient's update": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		return fails(c.Recipients.Update(ctx, "x-1", bitpesa.RecipientUpdate{PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{PhoneNumber: number}}}))
	}, "recipient.payout_method.details.phone_number", "payout_method.details.phone_number"},
	"account": {func(ctx context.Context, c *bitpesa.Client, number string) error {
		return fails(c.AccountValidations.Create(ctx, bitpesa.AccountValidationParams{Country: "UG", Currency: "UGX", Method: bitpesa.ValidateMobile, PhoneNumber: number}))
	}, "phone_number", "phone_number"},
}

func TestPhoneNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	for name, row := range phoneCalls {
		t.Run(name, func(t *testing.T) {
			for text, want := range map[string]string{
				"+250788123456": "+250788123456", "00250788123456": "+250788123456", "+250 788-123.456": "+250788123456", "+250 (0)788 123 456": "+250788123456", "\ufeff+250 (0)788 123 456": "+250788123456", "(+250) ( 0 )788123456": "+250788123456",
				"\u200e+250\u00a0788\u00a0123\u00a0456": "+250788123456", "\uff0b250788123456": "+250788123456", " 00 250 788 123 456\n": "+250788123456",
				"0788123456": "0788123456", "788123456": "788123456", "(0788) 123 456": "0788123456", "250788123456": "250788123456",
				"70123456": "70123456", // national, of eight digits
			} {
				server := newStub(t, always(says(201, `{"object":{"id":"x-1","state":"approved"}}`)))
				err := row.call(t.Context(), newClient(t, server), text) // the response does not fit each call
				assert.NotErrorIs(t, err, sdk.ErrValidation, "%q", text)
				assert.NotErrorIs(t, err, errChanged)
				seen := server.requests()
				require.NotEmpty(t, seen, "%q", text)
				var body any
				require.NoError(t, json.Unmarshal([]byte(seen[0].Body), &body))
				for step := range strings.SplitSeq(row.path, ".") {
					switch v := body.(type) {
					case map[string]any:
						body = v[step]
					case []any:
						body = v[0]
					}
				}
				assert.Equal(t, want, body, "%q", text)
			}
			server := newStub(t, always(says(201, `{}`)))
			client := newClient(t, server)
			for _, bad := range []string{"07833x", "call me", "+0788123456", "1234567890123456", "0788123456 ext 1", "+", "1234", "٠٧٨٨١٢٣٤٥٦"} {
				err := row.call(t.Context(), client, bad)
				var refused *sdk.Error
				require.ErrorAs(t, err, &refused, "%q", bad)
				assert.Equal(t, []string{"must be a phone number"}, refused.Fields[row.field], "%q", bad)
				assert.Equal(t, sdk.NotSent, refused.Outcome)
			}
			assert.Empty(t, server.requests(), "nothing was sent")
		})
	}
}

func TestAPhoneNumberOfACompanysOfficeIsSentAsAnyOther(t *testing.T) {
	server := newStub(t, always(says(201, `{"object":{"id":"x-1","external_id":"sender-1"}}`)))
	p := validSender()
	p.CompanyOfficeNumber = "0044 20 1234 5678"
	require.NoError(t, fails(newClient(t, server).Senders.Create(t.Context(), p)))
	assert.Contains(t, server.requests()[0].Body, `"company_office_number":"+442012345678"`)
}

func TestOddTextsShowBesideOtherFaults(t *testing.T) {
	odd := validTransaction()
	odd.ExternalID, odd.InputCurrency, odd.Metadata = "", "", map[string]any{"order": "7\xff"}
	for name, tc := range map[string]struct {
		call func(*bitpesa.Client) error
		want []string
	}{
		"PayFromBalance": {func(c *bitpesa.Client) error { return fails(c.Transactions.PayFromBalance(t.Context(), odd)) },
			[]string{"external_id", "input_currency", "transaction.metadata.order"}},
		"Prepare": {func(c *bitpesa.Client) error { return fails(c.Transactions.Prepare(odd)) },
			[]string{"external_id", "input_currency", "transaction.metadata.order"}},
		"Correct": {func(c *bitpesa.Client) error {
			return fails(c.Recipients.Correct(t.Context(), "t-1", "r-1", bitpesa.RecipientUpdate{PayoutMethod: bitpesa.PayoutMethodParams{Details: bitpesa.PayoutDetails{FirstName: "a\xff"}}}))
		}, []string{"recipient.payout_method.details.first_name"}},
		"Debits": {func(c *bitpesa.Client) error {
			return fails(c.Debits.Create(t.Context(), bitpesa.DebitParams{Currency: "\xff"}))
		}, []string{"debit.currency", "to_id"}},
	} {
		server := newStub(t, always(says(200, "{}")))
		var e *sdk.Error
		require.ErrorAs(t, tc.call(newClient(t, server)), &e, name)
		assert.ElementsMatch(t, tc.want, slices.Collect(maps.Keys(e.Fields)), name)
		assert.Empty(t, server.requests(), name)
	}
}

// White space at an end of what says where money goes is refused, in a field of its own
// and in Extra, before anything is sent. Inside it stays.
func TestWhereMoneyGoesHasNoWhiteSpaceAtItsEnds(t *testing.T) {
	for _, name := range []string{
		"mobile_provider", "cash_provider", "bank_code", "bank_account", "branch_code", "sort_code", "routing_number",
		"swift_code", "iban", "bic", "pix_key_value", "address",
	} {
		for _, value := range []string{"7 7\n", "\u00a07 7", "7 7"} {
			var details bitpesa.PayoutDetails
			require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{%q:%q}`, name, value), &details))
			for how, d := range map[string]bitpesa.PayoutDetails{"field": details, "Extra": {Extra: map[string]any{name: value}}} {
				server := newStub(t, always(says(201, `{"object":{"id":"m-1"}}`)))
				_, err := newClient(t, server).PayoutMethods.Create(t.Context(), bitpesa.PayoutMethodParams{Type: "VND::Cash", Details: d})
				p := validTransaction()
				p.Recipients[0].PayoutMethod.Type, p.Recipients[0].PayoutMethod.Details = "VND::Cash", d
				_, planned := newClient(t, server).Transactions.Prepare(p)
				if value == "7 7" {
					assert.NoError(t, err, "%s %s", name, how)
					assert.NoError(t, planned, "%s %s", name, how)
					continue
				}
				for _, err := range []error{err, planned} {
					var e *sdk.Error
					if assert.ErrorAs(t, err, &e, "%s %s", name, how) {
						at := slices.Collect(maps.Keys(e.Fields))
						assert.Len(t, at, 1)
						assert.True(t, strings.HasSuffix(at[0], name), "%s %s: %s", name, how, at)
					}
				}
				assert.Empty(t, server.requests())
			}
		}
	}
}

func TestOfficePhonesMayHaveAnExtension(t *testing.T) {
	server := newStub(t, always(says(201, `{"object":{"id":"x-1","external_id":"sender-1"}}`)))
	p := validSender()
	p.OfficePhone, p.CompanyOfficeNumber, p.AMLOfficerPhone = "0044 20 1234 5678", "+44 20 1234 5678 x5", "(020) 1234-5678"
	require.NoError(t, fails(newClient(t, server).Senders.Create(t.Context(), p)))
	body := server.requests()[0].Body
	for _, field := range []string{`"office_phone":"+442012345678"`, `"company_office_number":"+44 20 1234 5678 x5"`, `"aml_officer_phone":"02012345678"`} {
		assert.Contains(t, body, field)
	}
}

func TestHostsAreThoseOfTheDocuments(t *testing.T) {
	for url, want := range map[string]string{
		bitpesa.ProductionURL: "https://api.transferzero.com", bitpesa.SandboxURL: "https://api-sandbox.transferzero.com",
		bitpesa.BitPesaProductionURL: "https://api.bitpesa.co", bitpesa.BitPesaSandboxURL: "https://api-sandbox.bitpesa.co",
	} {
		assert.Equal(t, want, url)
		_, err := bitpesa.New(bitpesa.Config{Key: testKey, Secret: testSecret, BaseURL: url})
		assert.NoError(t, err, url)
	}
}
