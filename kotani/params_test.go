package kotani_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestAllFaultsAreNamedBeforeAnythingIsSent(t *testing.T) {
	half := decimal.RequireFromString("0.5")
	for name, tc := range map[string]struct {
		call func(context.Context, *kotani.Client) error
		want []string
	}{
		"CreateOrder": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Binance.CreateOrder(ctx, kotani.CreateOrderParams{Amount: half, ReturnURL: "merchant.example", CallbackURL: "ftp://x"})
			return err
		}, []string{"amount", "callback", "cancelUrl", "currency", "goodsDetail", "goodsName", "returnUrl"}},
		"CloseOrder": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Binance.CloseOrder(ctx, " ")
			return err
		}, []string{"prepayId"}},
		"Buy": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Celo.Buy(ctx, kotani.BuyCeloParams{PhoneNumber: "12", Amount: decimal.NewFromInt(-1)})
			return err
		}, []string{"celoAmount", "phoneNumber"}},
		"SendToMpesa": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Celo.SendToMpesa(ctx, kotani.SendToMpesaParams{TxHash: hash[:65]})
			return err
		}, []string{"phoneNumber", "txhash"}},
		"Deposit": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Fiat.Deposit(ctx, kotani.DepositParams{Amount: half, CallbackURL: "ftp://x", ExternalID: "a b"})
			return err
		}, []string{"amount", "callback", "externalId", "phoneNumber"}},
		"DepositQuoted": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{PhoneNumber: "0712x"})
			return err
		}, []string{"acceptedQuoteId", "externalId", "phoneNumber"}},
		"Withdraw": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Fiat.Withdraw(ctx, kotani.WithdrawParams{ExternalID: ".."})
			return err
		}, []string{"amount", "externalId", "phoneNumber"}},
		"WithdrawToBank": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Fiat.WithdrawToBank(ctx, kotani.BankWithdrawParams{Amount: decimal.New(1, 30), ExternalID: strings.Repeat("x", 256)})
			return err
		}, []string{"accountName", "accountNumber", "amount", "externalId", "serviceProviderId"}},
		"PayBill": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Fiat.PayBill(ctx, kotani.PayBillParams{Amount: decimal.New(1, -19)})
			return err
		}, []string{"accountNumber", "amount", "merchantNumber"}},
		"PayTill": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Fiat.PayTill(ctx, kotani.PayTillParams{Amount: decimal.New(1, 1_000_000_000)})
			return err
		}, []string{"amount", "merchantTill"}},
		"Get": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Fiat.Get(ctx, "..")
			return err
		}, []string{"requestId"}},
		"Find": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Fiat.Find(ctx, "a/b", "")
			return err
		}, []string{"externalId", "transactionalType"}},
		"UpdateUser": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.KYC.UpdateUser(ctx, kotani.UpdateUserParams{})
			return err
		}, []string{"email", "firstname", "lastname", "phoneNumber"}},
		"PhoneByAddress": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.KYC.PhoneByAddress(ctx, "")
			return err
		}, []string{"publicAddress"}},
		"Balance": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.OnChain.Balance(ctx, "+", "")
			return err
		}, []string{"chain", "phoneNumber"}},
		"Stellar": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Stellar.CashOut(ctx, kotani.CashOutParams{TxHash: "xyz", CallbackURL: "x"})
			return err
		}, []string{"callback", "countryCode", "phoneNumber", "txHash"}},
		"Tron": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Tron.CashOut(ctx, kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: "254712345678", TxHash: hash, Description: "x"})
			return err
		}, []string{"description"}},
		"CashIn": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Tron.CashIn(ctx, kotani.CashInParams{ExternalID: "é"})
			return err
		}, []string{"amount", "countryCode", "externalId", "phoneNumber"}},
		"Quotes.Out": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Quotes.Out(ctx, kotani.QuoteParams{})
			return err
		}, []string{"cryptoAmount", "cryptoType", "currency"}},
		"Accept": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Quotes.AcceptIn(ctx, "")
			return err
		}, []string{"quoteId"}},
		"UBI": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.UBI.Claim(ctx, kotani.UBIParams{})
			return err
		}, []string{"phoneNumber", "programId"}},

		"CreateCredentials": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.CreateCredentials(ctx, "merchant.example")
			return err
		}, []string{"webhook"}},
		"QuoteIn": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.QuoteIn(ctx, kotani.TransferQuoteParams{Country: "Kenya", Address: "0x1"})
			return err
		}, []string{"address", "country", "cryptoType", "fiatAmount", "fiatType"}},
		"QuoteIn, both amounts": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.QuoteIn(ctx, kotani.TransferQuoteParams{FiatType: "KES", CryptoType: "cUSD", Country: "KE", FiatAmount: twenty, CryptoAmount: twenty})
			return err
		}, []string{"fiatAmount"}},
		"QuoteIn, a third decimal": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.QuoteIn(ctx, kotani.TransferQuoteParams{FiatType: "KES", CryptoType: "cUSD", Country: "KE", FiatAmount: decimal.RequireFromString("1.005")})
			return err
		}, []string{"fiatAmount"}},
		"QuoteOut, negative": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.QuoteOut(ctx, kotani.TransferQuoteParams{FiatType: "KES", CryptoType: "cUSD", Country: "KE", CryptoAmount: decimal.NewFromInt(-1)})
			return err
		}, []string{"cryptoAmount"}},
		"AddKYC of nothing": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.AddKYC(ctx, nil)
			return err
		}, []string{"data"}},
		"AddKYC": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.AddKYC(ctx, kotani.PersonalDataAndDocuments{SelfieDocument: "?", DateOfBirth: kotani.DateOfBirth{Day: "x", Month: "123"}})
			return err
		}, []string{"address.address1", "address.city", "address.isoCountryCode", "address.isoRegionCode", "dateOfBirth.day", "dateOfBirth.month",
			"dateOfBirth.year", "firstName", "identificationDocument", "lastName", "phoneNumber", "selfieDocument"}},
		"AddKYC, detailed": {func(ctx context.Context, c *kotani.Client) error {
			d := detailedKYC
			d.PhoneNumber, d.Email, d.IdentificationDocumentBack = "0712345678", "", ""
			_, err := c.FiatConnect.AddKYC(ctx, d)
			return err
		}, []string{"email", "identificationDocumentBack", "phoneNumber"}},
		"AddKYC, detailed, empty": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.AddKYC(ctx, kotani.PersonalDataAndDocumentsDetailed{IdentificationDocumentBack: "?"})
			return err
		}, []string{"address.address1", "address.city", "address.isoCountryCode", "address.isoRegionCode", "dateOfBirth.day", "dateOfBirth.month", "dateOfBirth.year",
			"email", "firstName", "identificationDocumentBack", "identificationDocumentFront", "identificationDocumentType", "lastName", "phoneNumber", "selfieDocument"}},
		"AddKYC, a licence without its back": {func(ctx context.Context, c *kotani.Client) error {
			d := detailedKYC
			d.IdentificationDocumentType, d.IdentificationDocumentBack = kotani.DocumentDrivingLicence, ""
			_, err := c.FiatConnect.AddKYC(ctx, d)
			return err
		}, []string{"identificationDocumentBack"}},
		"AddKYC, Kotani's, empty": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.AddKYC(ctx, kotani.KotaniKYC{})
			return err
		}, []string{"address.address1", "address.city", "address.isoCountryCode", "address.isoRegionCode", "celoPublicAddress", "dateOfBirth.day",
			"dateOfBirth.month", "dateOfBirth.year", "firstName", "lastName", "localCurrency", "phoneNumber"}},
		"a reference that is said to be missing, a third decimal": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: "q", PhoneNumber: "254712345678", ExternalID: "a", AllowNoExternalID: true, Amount: decimal.New(1001, -3)})
			return err
		}, []string{"amount", "externalId"}},
		"callbacks": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Fiat.PayTill(ctx, kotani.PayTillParams{TillNumber: "123456", Amount: decimal.New(10, 0), CallbackURL: "x"})
			return err
		}, []string{"callback"}},
		"a cash in's callback": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Tron.CashIn(ctx, kotani.CashInParams{Country: kotani.Kenya, PhoneNumber: "254712345678", Amount: decimal.New(10, 0), ExternalID: "a", CallbackURL: "x"})
			return err
		}, []string{"callback"}},
		"AddKYC, Kotani's": {func(ctx context.Context, c *kotani.Client) error {
			d := kotaniKYC
			d.LocalCurrency, d.CeloPublicAddress = "", "0x"
			_, err := c.FiatConnect.AddKYC(ctx, d)
			return err
		}, []string{"celoPublicAddress", "localCurrency"}},
		"AddKYC, other": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.AddKYC(ctx, kotani.OtherKYC{})
			return err
		}, []string{"data", "kycSchema"}},
		"KYCStatus": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.GetKYC(ctx, "")
			return err
		}, []string{"kycSchema"}},
		"DeleteKYC": {func(ctx context.Context, c *kotani.Client) error { return c.FiatConnect.DeleteKYC(ctx, "..") }, []string{"kycSchema"}},
		"AddAccount of nothing": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.AddAccount(ctx, nil)
			return err
		}, []string{"data"}},
		"BankAccount": {accountOf(kotani.BankAccount{}), []string{"data.accountName", "data.accountNumber", "data.country", "data.institutionName"}},
		"MobileMoney": {accountOf(kotani.MobileMoneyAccount{Mobile: "254712345678", Country: "ke"}),
			[]string{"data.accountName", "data.country", "data.institutionName", "data.mobile", "data.operator"}},
		"DuniaWallet": {accountOf(kotani.DuniaWalletAccount{Mobile: "+012345678"}), []string{"data.accountName", "data.institutionName", "data.mobile"}},
		"IBAN":        {accountOf(kotani.IBANAccount{}), []string{"data.accountName", "data.country", "data.iban", "data.institutionName"}},
		"IFSC": {accountOf(kotani.IFSCAccount{IFSC: "HDFC000001"}),
			[]string{"data.accountName", "data.accountNumber", "data.country", "data.ifsc", "data.institutionName"}},
		"PIX":          {accountOf(kotani.PIXAccount{}), []string{"data.accountName", "data.institutionName", "data.key", "data.keyType"}},
		"PIX phone":    {accountOf(pix(kotani.PIXPhone, "1234567890")), []string{"data.key"}},
		"PIX CPF":      {accountOf(pix(kotani.PIXCPF, "12345678909")), []string{"data.key"}},
		"PIX random":   {accountOf(pix(kotani.PIXRandom, "123e4567-e89b-12d3-a456-42661417400")), []string{"data.key"}},
		"PIX email":    {accountOf(pix(kotani.PIXEmail, "jane")), []string{"data.key"}},
		"OtherAccount": {accountOf(kotani.OtherAccount{}), []string{"data", "fiatAccountSchema"}},
		"DeleteAccount": {func(ctx context.Context, c *kotani.Client) error { return c.FiatConnect.DeleteAccount(ctx, "") },
			[]string{"fiatAccountId"}},
		"Transfer": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.TransferOut(ctx, kotani.TransferParams{IdempotencyKey: "a\nb"})
			return err
		}, []string{"fiatAccountId", "idempotencyKey", "quoteId"}},
		"PrepareTransferIn": {func(_ context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.PrepareTransferIn(kotani.TransferParams{FiatAccountID: "a\xff"})
			return err
		}, []string{"fiatAccountId", "idempotencyKey", "quoteId"}},
		"a reference with a percent sign": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Fiat.Find(ctx, "order%2F1", kotani.Payouts)
			return err
		}, []string{"externalId"}},
		"a quoted key": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.TransferIn(ctx, kotani.TransferParams{FiatAccountID: "a", QuoteID: "q", IdempotencyKey: `"k"`})
			return err
		}, []string{"idempotencyKey"}},
		"TransferStatus": {func(ctx context.Context, c *kotani.Client) error {
			_, err := c.FiatConnect.GetTransfer(ctx, ".")
			return err
		}, []string{"transferId"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(nil)
			err := tc.call(t.Context(), newClient(t, s))
			e := failure(t, err)
			assert.ErrorIs(t, err, sdk.ErrValidation)
			assert.ErrorIs(t, err, sdk.ErrNotSent)
			var names []string
			for field := range e.Fields {
				names = append(names, field)
			}
			slices.Sort(names)
			assert.Equal(t, tc.want, names)
			assert.Empty(t, s.requests())
			assert.Empty(t, s.asides(""))
		})
	}
}

func pix(kind kotani.PIXKeyType, key string) kotani.PIXAccount {
	return kotani.PIXAccount{AccountName: "Jane", InstitutionName: "Bank", KeyType: kind, Key: key}
}

func accountOf(data kotani.FiatAccountData) func(context.Context, *kotani.Client) error {
	return func(ctx context.Context, c *kotani.Client) error {
		_, err := c.FiatConnect.AddAccount(ctx, data)
		return err
	}
}

var personalKYC = kotani.PersonalDataAndDocuments{
	FirstName: "Jane", LastName: "Doe", DateOfBirth: kotaniKYC.DateOfBirth, Address: kotaniKYC.Address,
	PhoneNumber: "0712345678", SelfieDocument: "c2VsZmll", IdentificationDocument: "aWQ=",
}

var detailedKYC = kotani.PersonalDataAndDocumentsDetailed{
	FirstName: "Jane", LastName: "Doe", DateOfBirth: kotaniKYC.DateOfBirth, Address: kotaniKYC.Address,
	PhoneNumber: "+254712345678", Email: "jane@example.com", SelfieDocument: "c2VsZmll",
	IdentificationDocumentType: kotani.DocumentIDCard, IdentificationDocumentFront: "aWQ=", IdentificationDocumentBack: "aWQ=",
}

func TestPhoneNumbersAreTakenInBothForms(t *testing.T) {
	for given, want := range map[string]string{
		"254712345678": "254712345678", "+254712345678": "254712345678", "0712345678": "0712345678", "712345678": "712345678", "00254712345678": "254712345678", "\u202a+254 (0)712 345 678\u202c": "254712345678",
		"+254 712 345 678": "254712345678", "+254-712-345678": "254712345678", "(0712) 345.678": "0712345678", "+254\u00a0712345678": "254712345678",
		"\u200e+254712345678": "254712345678", " 254712345678\n": "254712345678", "+254\u2011712345678": "254712345678", "254\u202f712\u3000345678": "254712345678",
	} {
		s := newScript(respond(200, `{"userId":"u"}`))
		_, err := newClient(t, s).KYC.CreateUser(t.Context(), given)
		assert.NoError(t, err)
		assert.Equal(t, `{"phoneNumber":"`+want+`"}`, s.requests()[0].Body)
	}
	for _, phone := range []string{"", "++254712345678", "+254+712345678", "254 712", "123456", "1234567890123456", "25471234567a", "２５４７１２３４５６７８"} {
		_, err := newClient(t, newScript(nil)).KYC.CreateUser(t.Context(), phone)
		assert.ErrorIs(t, err, sdk.ErrValidation, phone)
	}
}

// The document knows Kenya and Ghana. What belongs to the other country is refused
// before anything is sent; other countries are FiatConnect's, or Kotani's to refuse.
func TestPhoneCountryAndCurrencyMustBelongTogether(t *testing.T) {
	const kenyan, ghanaian, rwandan = "254712345678", "+233 20 123 4567", "250788123456"
	cashOut := func(country kotani.Country, phone string) func(context.Context, *kotani.Client) error {
		return func(ctx context.Context, c *kotani.Client) error {
			_, stellar := c.Stellar.CashOut(ctx, kotani.CashOutParams{Country: country, PhoneNumber: phone, TxHash: hash})
			_, tron := c.Tron.CashOut(ctx, kotani.CashOutParams{Country: country, PhoneNumber: phone, TxHash: hash})
			if (stellar == nil) != (tron == nil) {
				return errors.New("Stellar and Tron differ")
			}
			return stellar
		}
	}
	cashIn := func(country kotani.Country, phone string) func(context.Context, *kotani.Client) error {
		return func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Tron.CashIn(ctx, kotani.CashInParams{Country: country, PhoneNumber: phone, Amount: twenty})
			return err
		}
	}
	mpesa := func(phone string) func(context.Context, *kotani.Client) error {
		return func(ctx context.Context, c *kotani.Client) error {
			_, err := c.Celo.SendToMpesa(ctx, kotani.SendToMpesaParams{PhoneNumber: phone, TxHash: hash})
			return err
		}
	}
	wallet := func(country, phone string) func(context.Context, *kotani.Client) error {
		account := mobileMoney
		account.Country, account.Mobile = country, phone
		return accountOf(account)
	}
	kyc := func(currency kotani.FiatType, phone string) func(context.Context, *kotani.Client) error {
		return func(ctx context.Context, c *kotani.Client) error {
			data := kotaniKYC
			data.LocalCurrency, data.PhoneNumber = currency, phone
			_, err := c.FiatConnect.AddKYC(ctx, data)
			return err
		}
	}
	quote := func(country string, fiat kotani.FiatType) func(context.Context, *kotani.Client) error {
		return func(ctx context.Context, c *kotani.Client) error {
			p := quoteParams
			p.Country, p.FiatType = country, fiat
			_, in := c.FiatConnect.QuoteIn(ctx, p)
			_, out := c.FiatConnect.QuoteOut(ctx, p)
			if (in == nil) != (out == nil) {
				return errors.New("QuoteIn and QuoteOut differ")
			}
			return out
		}
	}
	for name, tc := range map[string]struct {
		home  string // the partner's country
		call  func(context.Context, *kotani.Client) error
		field string // that is wrong
	}{
		"M-Pesa, Kenya":                     {"KEN", mpesa(kenyan), ""},
		"M-Pesa, a Kenyan partner's form":   {"KEN", mpesa("0712345678"), ""},
		"M-Pesa, without the zero":          {"KE", mpesa("712345678"), ""},
		"M-Pesa, Ghana":                     {"KEN", mpesa(ghanaian), "phoneNumber"},
		"M-Pesa, Rwanda":                    {"KEN", mpesa(rwandan), "phoneNumber"},
		"M-Pesa, a Ghanaian partner's form": {"GH", mpesa("0201234567"), "phoneNumber"},
		"M-Pesa, without that zero":         {"GHA", mpesa("201234567"), "phoneNumber"},
		"M-Pesa, a partner of elsewhere":    {"UG", mpesa("0712345678"), ""}, // Kotani knows which country

		"cash out, Kenya":                     {"KEN", cashOut("KE", kenyan), ""},
		"cash out, Ghana":                     {"KEN", cashOut("GH", ghanaian), ""},
		"cash out, small letters":             {"KEN", cashOut("ke", kenyan), ""},
		"cash out, Kenya to Ghana":            {"KEN", cashOut("KE", ghanaian), "phoneNumber"},
		"cash out, Ghana to Kenya":            {"KEN", cashOut("GH", kenyan), "phoneNumber"},
		"cash out, the partner's own form":    {"GH", cashOut("GH", "0201234567"), ""},
		"cash out, the other partner's form":  {"KEN", cashOut("GH", "0201234567"), "phoneNumber"},
		"cash out, Ghana, a number like 254":  {"GH", cashOut("GH", "254123456"), ""}, // national: MTN Ghana has 025
		"cash out, Kenya to Rwanda":           {"KEN", cashOut("KE", rwandan), "phoneNumber"},
		"cash out, another country":           {"KEN", cashOut("RW", rwandan), ""},
		"cash out, another country, Kenyan":   {"KEN", cashOut("RW", kenyan), "phoneNumber"},
		"cash out, another country, Ghanaian": {"KEN", cashOut("UG", ghanaian), "phoneNumber"},

		"cash in, Kenya":       {"KEN", cashIn("KE", kenyan), ""},
		"cash in, Ghana":       {"KEN", cashIn("GH", ghanaian), ""},
		"cash in, not Kenya's": {"KEN", cashIn("KE", ghanaian), "phoneNumber"},
		"cash in, not Ghana's": {"KEN", cashIn("GH", kenyan), "phoneNumber"},

		"wallet, Kenya":                 {"KEN", wallet("KE", "+"+kenyan), ""},
		"wallet, Ghana":                 {"KEN", wallet("GH", ghanaian), ""},
		"wallet, Uganda":                {"KEN", wallet("UG", "+256712345678"), ""},
		"wallet, Kenya, Ghana's number": {"KEN", wallet("KE", ghanaian), "data.mobile"},
		"wallet, Ghana, Kenya's number": {"GH", wallet("GH", "+"+kenyan), "data.mobile"},
		"wallet, Uganda, Kenya's":       {"KEN", wallet("UG", "+"+kenyan), "data.mobile"},

		"KYC, shillings":           {"KEN", kyc("KES", kenyan), ""},
		"KYC, cedis":               {"KEN", kyc("GHS", ghanaian), ""},
		"KYC, dollars":             {"KEN", kyc("USD", kenyan), ""},
		"KYC, cedis in Kenya":      {"KEN", kyc("GHS", kenyan), "localCurrency"},
		"KYC, shillings in Ghana":  {"KEN", kyc("KES", ghanaian), "localCurrency"},
		"KYC, shillings in Rwanda": {"KEN", kyc("KES", rwandan), ""},

		"quote, shillings":          {"KEN", quote("KE", "KES"), ""},
		"quote, cedis":              {"KEN", quote("GH", "GHS"), ""},
		"quote, dollars":            {"KEN", quote("KE", "USD"), ""},
		"quote, shillings in US":    {"KEN", quote("US", "KES"), ""}, // GeoNotSupported is the provider's word
		"quote, shillings in Ghana": {"KEN", quote("GH", "KES"), "fiatType"},
		"quote, cedis in Kenya":     {"KEN", quote("KE", "GHS"), "fiatType"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(respond(400, `{"error":"GeoNotSupported"}`))
			err := tc.call(t.Context(), newClient(t, s, func(cfg *kotani.Config) { cfg.CountryCode = tc.home }))
			if tc.field == "" {
				require.NotErrorIs(t, err, sdk.ErrValidation)
				assert.NotEmpty(t, s.requests())
				return
			}
			assert.Equal(t, []string{tc.field}, slices.Collect(maps.Keys(failure(t, err).Fields)))
			assert.ErrorIs(t, err, sdk.ErrNotSent)
			assert.Empty(t, s.requests())
		})
	}
}

func TestEveryAccountSchemaGoesOutWithItsType(t *testing.T) {
	for name, tc := range map[string]struct {
		data kotani.FiatAccountData
		want string
	}{
		"AccountNumber": {kotani.BankAccount{AccountName: "Jane", InstitutionName: "KCB", AccountNumber: "012", Country: "KE"},
			`{"fiatAccountSchema":"AccountNumber","data":{"accountName":"Jane","institutionName":"KCB","fiatAccountType":"BankAccount","accountNumber":"012","country":"KE"}}`},
		"MobileMoney": {mobileMoney,
			`{"fiatAccountSchema":"MobileMoney","data":{"accountName":"Jane","institutionName":"Safaricom","fiatAccountType":"MobileMoney","mobile":"+254712345678","operator":"M-Pesa","country":"KE"}}`},
		"DuniaWallet": {kotani.DuniaWalletAccount{AccountName: "Jane", InstitutionName: "Dunia", Mobile: "+22112345678"},
			`{"fiatAccountSchema":"DuniaWallet","data":{"accountName":"Jane","institutionName":"Dunia","fiatAccountType":"DuniaWallet","mobile":"+22112345678"}}`},
		"IBANNumber": {kotani.IBANAccount{AccountName: "Jane", InstitutionName: "Bank", IBAN: "DE89370400440532013000", Country: "DE"},
			`{"fiatAccountSchema":"IBANNumber","data":{"accountName":"Jane","institutionName":"Bank","fiatAccountType":"BankAccount","iban":"DE89370400440532013000","country":"DE"}}`},
		"IFSCAccount": {kotani.IFSCAccount{AccountName: "Jane", InstitutionName: "Bank", IFSC: "HDFC0000001", AccountNumber: "1", Country: "IN"},
			`{"fiatAccountSchema":"IFSCAccount","data":{"accountName":"Jane","institutionName":"Bank","fiatAccountType":"BankAccount","accountNumber":"1","ifsc":"HDFC0000001","country":"IN"}}`},
		"PIXAccount": {pix(kotani.PIXPhone, "12345678901"),
			`{"fiatAccountSchema":"PIXAccount","data":{"accountName":"Jane","institutionName":"Bank","fiatAccountType":"BankAccount","keyType":"PHONE","key":"12345678901"}}`},
		"another": {kotani.OtherAccount{Schema: "New", Data: map[string]string{"x": "y"}}, `{"fiatAccountSchema":"New","data":{"x":"y"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(respond(200, string(sample(t, "fiatconnect.add_account.response.json"))))
			_, err := newClient(t, s).FiatConnect.AddAccount(t.Context(), tc.data)
			assert.NoError(t, err)
			assert.Equal(t, tc.want, s.requests()[0].Body)
		})
	}
	for _, good := range []kotani.PIXAccount{
		pix(kotani.PIXCPF, "123.456.789-09"), pix(kotani.PIXRandom, "123e4567-e89b-12d3-a456-426614174000"), pix(kotani.PIXEmail, "jane@example.com"), pix("NEW", "x"),
	} {
		s := newScript(respond(200, `{"fiatAccountId":"a"}`))
		assert.NoError(t, accountOf(good)(t.Context(), newClient(t, s)))
	}
}

func TestEveryKYCSchemaGoesOutUnderItsName(t *testing.T) {
	passport := detailedKYC
	passport.IdentificationDocumentType, passport.IdentificationDocumentBack = kotani.DocumentPassport, ""
	special := kotaniKYC
	special.Schema = "KotaniSpecial"
	for name, tc := range map[string]struct {
		data   kotani.KYCData
		schema string
		keys   []string
	}{
		"personal": {personalKYC, "PersonalDataAndDocuments",
			[]string{"address", "dateOfBirth", "firstName", "identificationDocument", "lastName", "phoneNumber", "selfieDocument"}},
		"detailed": {detailedKYC, "PersonalDataAndDocumentsDetailed",
			[]string{"address", "dateOfBirth", "email", "firstName", "identificationDocumentBack", "identificationDocumentFront", "identificationDocumentType", "lastName", "phoneNumber", "selfieDocument"}},
		"a passport has no back": {passport, "PersonalDataAndDocumentsDetailed",
			[]string{"address", "dateOfBirth", "email", "firstName", "identificationDocumentFront", "identificationDocumentType", "lastName", "phoneNumber", "selfieDocument"}},
		"Kotani's": {special, "KotaniSpecial",
			[]string{"address", "celoPublicAddress", "dateOfBirth", "firstName", "lastName", "localCurrency", "phoneNumber"}},
		"another": {kotani.OtherKYC{Schema: "NameAndAddress", Data: map[string]string{"name": "Jane"}}, "NameAndAddress", []string{"name"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(respond(200, `{"kycStatus":"KycPending"}`))
			record, err := newClient(t, s).FiatConnect.AddKYC(t.Context(), tc.data)
			if assert.NoError(t, err) {
				assert.Equal(t, kotani.KYCSchema(tc.schema), record.Schema)
				assert.Equal(t, kotani.KYCPending, record.Status)
			}
			assert.Equal(t, "/api_v2/fiatconnect/kyc/"+tc.schema, s.requests()[0].Path)
			var keys []string
			for key := range shape(t, []byte(s.requests()[0].Body)) {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			assert.Equal(t, tc.keys, keys)
		})
	}
}

func TestAPhoneNumberOfFiatConnectGoesOutInE164(t *testing.T) {
	for given, want := range map[string]string{"+254712345678": "+254712345678", "+254 712-345 678": "+254712345678", "00254712345678": "+254712345678", "\u200e+254(712)345.678": "+254712345678", "\uff0b254 712345678": "+254712345678", "(+254) ( 0 )712345678": "+254712345678"} {
		s := newScript(respond(200, `{"fiatAccountId":"a","kycStatus":"KycPending"}`))
		client := newClient(t, s)
		account, kyc := mobileMoney, detailedKYC
		account.Mobile, kyc.PhoneNumber = given, given
		assert.NoError(t, accountOf(account)(t.Context(), client))
		_, err := client.FiatConnect.AddKYC(t.Context(), kyc)
		assert.NoError(t, err)
		assert.Contains(t, s.requests()[0].Body, `"mobile":"`+want+`"`)
		assert.Contains(t, s.requests()[1].Body, `"phoneNumber":"`+want+`"`)
	}
	for _, given := range []string{"0712345678", "254712345678", "+0712345678", "+254x", "000", "+25471234567\uff18"} {
		account, kyc := mobileMoney, detailedKYC
		kyc.PhoneNumber = given
		_, err := newClient(t, newScript(nil)).FiatConnect.AddKYC(t.Context(), kyc)
		assert.Contains(t, failure(t, err).Fields, "phoneNumber", given)
		account.Mobile = given
		err = accountOf(account)(t.Context(), newClient(t, newScript(nil)))
		assert.ErrorIs(t, err, sdk.ErrValidation, given)
		assert.Contains(t, failure(t, err).Fields, "data.mobile", given)
	}
}

// These two schemas do not ask for E.164.
func TestAPhoneNumberOfKYCIsReadOrRefused(t *testing.T) {
	personal := personalKYC
	own := kotaniKYC
	for given, want := range map[string]string{
		"+254712345678": "+254712345678", "\uff0b254 712345678": "+254712345678", "00254712345678": "+254712345678", "\u200e254-712.345678": "254712345678",
		"0712 345 678": "0712345678", "+25471234567\uff18": "", "\uff10\uff17\uff11\uff12345678": "", "+254x": "", "nobody": "", "12": "", " ": "",
	} {
		personal.PhoneNumber, own.PhoneNumber = given, given
		for _, kyc := range []kotani.KYCData{personal, own} {
			s := newScript(respond(200, `{"kycStatus":"KycPending"}`))
			_, err := newClient(t, s).FiatConnect.AddKYC(t.Context(), kyc)
			if want == "" {
				assert.Contains(t, failure(t, err).Fields, "phoneNumber", given)
				assert.Empty(t, s.requests(), given)
			} else if assert.NoError(t, err, given) {
				assert.Contains(t, s.requests()[0].Body, `"phoneNumber":"`+want+`"`)
			}
		}
	}
}

// A text that is no UTF-8, and a reference with white space at its ends, never leave.
func TestTextsThatAServerMayChangeAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		field string
		call  func(ctx context.Context, c *kotani.Client, text string) error
	}{
		"externalId": {"externalId", func(ctx context.Context, c *kotani.Client, text string) error {
			p := validWithdraw
			p.ExternalID = text
			return wireError(c.Fiat.Withdraw(ctx, p))
		}},
		"externalId of a cash-in": {"externalId", func(ctx context.Context, c *kotani.Client, text string) error {
			return wireError(c.Tron.CashIn(ctx, kotani.CashInParams{Country: kotani.Kenya, PhoneNumber: customer, Amount: twenty, ExternalID: text}))
		}},
		"find": {"externalId", func(ctx context.Context, c *kotani.Client, text string) error {
			return wireError(c.Fiat.Find(ctx, text, kotani.Payouts))
		}},
		"get": {"requestId", func(ctx context.Context, c *kotani.Client, text string) error {
			return wireError(c.Fiat.Get(ctx, text))
		}},
		"acceptedQuoteId": {"acceptedQuoteId", func(ctx context.Context, c *kotani.Client, text string) error {
			return wireError(c.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: text, PhoneNumber: customer, ExternalID: "o"}))
		}},
		"quoteId": {"quoteId", func(ctx context.Context, c *kotani.Client, text string) error {
			return wireError(c.Quotes.AcceptIn(ctx, text))
		}},
		"transfer": {"quoteId", func(ctx context.Context, c *kotani.Client, text string) error {
			return wireError(c.FiatConnect.TransferIn(ctx, kotani.TransferParams{FiatAccountID: "a", QuoteID: text}))
		}},
		"account": {"fiatAccountId", func(ctx context.Context, c *kotani.Client, text string) error {
			return wireError(c.FiatConnect.TransferOut(ctx, kotani.TransferParams{FiatAccountID: text, QuoteID: "q"}))
		}},
		"key": {"idempotencyKey", func(ctx context.Context, c *kotani.Client, text string) error {
			return wireError(c.FiatConnect.TransferOut(ctx, kotani.TransferParams{FiatAccountID: "a", QuoteID: "q", IdempotencyKey: text}))
		}},
		"transferId": {"transferId", func(ctx context.Context, c *kotani.Client, text string) error {
			return wireError(c.FiatConnect.GetTransfer(ctx, text))
		}},
		"prepayId": {"prepayId", func(ctx context.Context, c *kotani.Client, text string) error {
			return wireError(c.Binance.CloseOrder(ctx, text))
		}},
	} {
		for _, text := range []string{
			"order-1 ", " order-1", "order-1\n", "order-1\u00a0", "order-1\u0085", "\u2028order-1", "order-1\u3000", "order-1\x1c", "order-1\x1f", "order-1\u2003", "order\xff1",
		} {
			s := newScript(nil)
			err := tc.call(t.Context(), newClient(t, s), text)
			assert.ErrorIs(t, err, sdk.ErrNotSent, "%s %q", name, text)
			assert.Contains(t, failure(t, err).Fields, tc.field, "%s %q", name, text)
			assert.Empty(t, s.requests())
		}
	}
	s := newScript(nil)
	p := validBank
	p.AccountName = "Jane \xff"
	_, err := newClient(t, s).Fiat.WithdrawToBank(t.Context(), p)
	assert.ErrorIs(t, err, sdk.ErrNotSent)
	assert.Contains(t, strings.Join(slices.Collect(maps.Keys(failure(t, err).Fields)), " "), "accountName")
	assert.Empty(t, s.requests())
}

func TestTheDocumentedBanksHaveNames(t *testing.T) {
	banks := kotani.Banks()
	assert.Len(t, banks, 24)
	for _, bank := range banks {
		assert.NotEmpty(t, bank.Name(), bank)
		assert.Len(t, string(bank), 2)
	}
	assert.True(t, slices.IsSorted(banks))
	assert.Equal(t, "Equity Bank Kenya", kotani.BankEquity.Name())
	assert.Equal(t, "Kenya Commercial Bank", kotani.BankCode("01").Name())
	assert.Empty(t, kotani.BankCode("1").Name())
	assert.Empty(t, kotani.BankCode("99").Name())
}
