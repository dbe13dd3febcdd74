package fakeserver

import (
	"cmp"
	"maps"
	"net/http"
	"strconv"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// provider is a row of the table of providers. A new provider is named here.
// Tests hold the module's folders and the README against the table; .ci/run takes
// its list from the folders.
type provider struct {
	name      string // of the client's package; the fake is mounted at "/" + name
	title     string // for people
	endpoints []endpoint
	page      string             // before the id of a page that a merchant's site sends people to, behind the mount
	config    func(settings) any // a pointer to the fake's Config with what this server sets
	open      func(w *fake.World, config any) (http.Handler, error)
}

// endpoint is an API that a fake serves. Most fakes serve one.
type endpoint struct {
	name        string // in the greeting and in admin calls
	base        string // the base URL behind the server's address
	credentials map[string]string
	curl        string  // a first call that works; {base} is the base URL, {name} a credential
	magic       []magic // what magic numbers and test cards do

	// configured changes the credentials to those of the fake's Config. May be nil.
	configured func(credentials map[string]string, config any)
}

// credentialsIn are the credentials under a Config.
func (e endpoint) credentialsIn(config any) map[string]string {
	credentials := maps.Clone(e.credentials)
	if e.configured != nil {
		e.configured(credentials, config)
	}
	return credentials
}

// put sets a credential that a Config names.
func put(credentials map[string]string, name, value string) {
	credentials[name] = cmp.Or(value, credentials[name])
}

// magic is a table of endings of a number or a reference that decide what becomes of
// an object. A test plays each row on the fake, and endings that are not in the table.
type magic struct {
	About     string     `json:"about"`               // the object
	Number    string     `json:"number"`              // whose end counts
	Reference string     `json:"reference,omitempty"` // whose end counts first; empty: no reference does
	Rows      []magicRow `json:"rows"`
}

// magicRow is the story of an object: its last two states, why it failed, and what else
// is unusual about it.
type magicRow struct {
	Number    string `json:"number"` // anyOther stands for all that no row names
	Reference string `json:"reference,omitempty"`
	Does      string `json:"does"`
}

const anyOther = "any other"

func (p provider) mount() string { return "/" + p.name }

// chainID is that of Celo's sandbox, Alfajores: FiatConnect accepts its logins.
const chainID = 44787

// providers returns the table of providers.
func providers() []provider {
	return []provider{
		{
			name: "kapiten", title: "Kapiten",
			endpoints: []endpoint{{
				"kapiten", "/kapiten", map[string]string{"note": "none to start with: create a company"},
				`curl {base}/api/companies/ -H 'Content-Type: application/json' -d '{"name":"Best Pilau Ltd","registration_number":"RDB2026-XP","address":"KN 78 St, Kigali","contact_person":"Victor","phone_number":"+250788123456","email":"hello@bestpilau.com"}'`,
				[]magic{
					{About: "top-up", Number: "phone_number", Rows: []magicRow{
						{"0001", "", "FAILED after 5 s; the payer refused"},
						{"0002", "", "FAILED after 5 s; the payer has not enough money"},
						{"0003", "", "stays PENDING"},
						{"0004", "", "SUCCESS after 10 min"},
						{anyOther, "", "SUCCESS after 5 s"},
					}},
					{About: "ride", Number: "receiver's phone", Rows: []magicRow{
						{"0001", "", "REJECTED after 10 min"},
						{"0002", "", "ACCEPTED after 30 s, CANCELLED after 1 min 30 s"},
						{"0003", "", "stays PENDING"},
						{"0004", "", "PICKED_UP after 2 min 30 s, CANCELLED after 3 min 30 s"},
						{anyOther, "", "WAITING_DELIVERY after 4 min 30 s, COMPLETED after 5 min 30 s"},
					}},
				}, nil,
			}},
			config: func(s settings) any {
				pricing := kapitentest.DefaultPricing() // so that the file need not name all prices
				return &kapitentest.Config{Autopilot: s.autopilot, Pricing: &pricing}
			},
			open: opener(kapitentest.NewIn),
		},
		{
			name: "kpay", title: "KPay",
			endpoints: []endpoint{{"kpay", "/kpay", map[string]string{
				"username": "test-user", "password": "test-pass", "retailerid": "02",
			}, `curl {base}/ -u {username}:{password} -H 'Content-Type: application/json' -d '{"action":"pay","msisdn":"250783300000","email":"a@example.com","details":"Order","refid":"ORDER-1","amount":1000,"currency":"RWF","cname":"Jane Doe","cnumber":"1","pmethod":"momo","retailerid":"{retailerid}","returl":"http://127.0.0.1:1/kpay","redirecturl":"http://127.0.0.1:1/thanks","bankid":"63510"}'`,
				[]magic{
					{About: "payment", Number: "msisdn", Reference: "refid", Rows: []magicRow{
						{"0001", "-failed", "02 failed after 10 s; Payment failed."},
						{"0002", "-no-funds", "02 failed after 10 s; TARGET_AUTHORIZATION_ERROR"},
						{"0003", "-never", "stays 03 pending"},
						{"0004", "-slow", "01 paid after 10 min"},
						{"0005", "-processor-error", "682 failed after 10 s; An internal error caused the operation to fail"},
						{"0006", "-immediate", "01 paid at once"},
						{"0007", "-refused", "refused with 606: TARGET_AUTHORIZATION_ERROR"},
						{"0008", "-refused-no-funds", "refused with 606: TARGET_AUTHORIZATION_ERROR, Not enough funds"},
						{"0009", "-lost", "01 paid after 10 s; no callback comes"},
						{"0010", "-lagging", "checkstatus says 611 at first; 01 paid after 10 s"},
						{anyOther, "-paid", "01 paid after 10 s"},
					}},
					{About: "card on the checkout page", Number: "card", Rows: []magicRow{
						{"5101 1800 0000 0007", "", "01 paid at once"},
						{"5555 4444 3333 1111", "", "01 paid at once"},
						{"2222 4000 6000 0007", "", "01 paid at once"},
						{"4988 4388 4388 4305", "", "01 paid at once"},
						{"4111 1111 1111 1111", "", "01 paid at once"},
						{"4000 1600 0000 0004", "", "01 paid at once"},
						{anyOther, "", "02 failed at once; Card declined."},
					}},
				},
				func(credentials map[string]string, config any) {
					c := config.(*kpaytest.Config)
					put(credentials, "username", c.Username)
					put(credentials, "password", c.Password)
					if len(c.Retailers) > 0 {
						put(credentials, "retailerid", c.Retailers[0].ID)
					}
				},
			}},
			page:   "checkout/",
			config: func(settings) any { return &kpaytest.Config{Quirks: kpaytest.Quirks{BankIDOptional: true}} },
			open:   opener(kpaytest.NewIn),
		},
		{
			name: "kasapay", title: "Kasapay",
			endpoints: []endpoint{{"kasapay", "/kasapay", map[string]string{
				"consumer_key": "test-key", "consumer_secret": "test-secret", "service_code": "12346", "float": "1000000.00 KES",
			}, `curl {base}/v1/auth -H 'Content-Type: application/json' -d '{"consumer_key":"{consumer_key}","consumer_secret":"{consumer_secret}"}'`,
				[]magic{
					{About: "payout", Number: "recipient_account_number", Reference: "payout_reference", Rows: []magicRow{
						{"0001", "-failed", "701 failed after 10 s; Recipient account could not be credited"},
						{"0002", "-no-funds", "701 failed after 10 s; Insufficient funds in the float account"},
						{"0003", "-never", "stays 703 pending"},
						{"0004", "-slow", "700 processed after 10 min"},
						{"0005", "-jammed", "704 jammed after 10 s"},
						{"0006", "-jammed-paid", "704 jammed after 10 s, 700 processed after 10 min 10 s"},
						{"0007", "-reversed", "700 processed after 10 s, 702 reversed after 10 min 10 s; Payout was reversed"},
						{"0008", "-refunded", "700 processed after 10 s, 705 refunded after 10 min 10 s; Payout was refunded"},
						{"0009", "-lost", "700 processed after 10 s; no callback comes"},
						{"0010", "-jammed-reversed", "704 jammed after 10 s, 702 reversed after 10 min 10 s; Payout was reversed"},
						{anyOther, "-paid", "700 processed after 10 s"},
					}},
					{About: "payout by the host of its callback_url", Number: "callback_url's host", Rows: []magicRow{
						{".invalid", "", "refused: Unreachable callback_url"},
						{anyOther, "", "700 processed after 10 s"},
					}},
				},
				func(credentials map[string]string, config any) {
					c := config.(*kasapaytest.Config)
					put(credentials, "consumer_key", c.ConsumerKey)
					put(credentials, "consumer_secret", c.ConsumerSecret)
					if len(c.ServiceCodes) > 0 {
						put(credentials, "service_code", c.ServiceCodes[0])
					}
					if c.Balances != nil {
						credentials["float"] = "as configured"
					}
				},
			}},
			config: func(settings) any { return &kasapaytest.Config{} },
			open:   opener(kasapaytest.NewIn),
		},
		{
			name: "kotani", title: "Kotani Pay",
			endpoints: []endpoint{
				{"kotani", "/kotani", map[string]string{"phoneNumber": "254700000000", "countryCode": "KEN", "password": "test-password"},
					`curl {base}/api/login -H 'Content-Type: application/json' -d '{"phoneNumber":"{phoneNumber}","countryCode":"{countryCode}","password":"{password}"}'`,
					[]magic{{About: "transaction", Number: "phone, account or till", Rows: []magicRow{
						{"0001", "", "FAILED after 10 s; Transaction failed"},
						{"0002", "", "FAILED after 10 s; Insufficient funds"},
						{"0003", "", "stays PENDING"},
						{"0004", "", "SUCCESSFUL after 10 min"},
						{"0005", "", "SUCCESSFUL after 10 s, REVERSED after 1 h 10 s"},
						{anyOther, "", "SUCCESSFUL after 10 s"},
					}}},
					func(credentials map[string]string, config any) {
						c := config.(*kotanitest.Config)
						put(credentials, "phoneNumber", c.PhoneNumber)
						put(credentials, "password", c.Password)
						if c.Country == kotani.Ghana {
							credentials["countryCode"] = "GH" // as the document has it
						}
					}},
				{"fiatconnect", "/kotani/fiatconnect", map[string]string{"note": "SIWE with any wallet; an API key is optional", "chainId": strconv.Itoa(chainID)},
					`curl {base}/clock`, []magic{
						{About: "transfer in", Number: "fiat account", Rows: []magicRow{
							{"0001", "", "TransferWaitingForUserAction after 5 s, TransferFailed after 10 s"},
							{"0002", "", "TransferReceivedFiatFunds after 10 s, TransferFailed after 15 s"},
							{"0003", "", "TransferWaitingForUserAction after 5 s"},
							{anyOther, "", "TransferSendingCryptoFunds after 15 s, TransferComplete after 20 s"},
						}},
						{About: "transfer out", Number: "fiat account", Rows: []magicRow{
							{"0001", "", "TransferReceivedCryptoFunds after 10 s, TransferFailed after 15 s"},
							{"0002", "", "TransferAmlFailed after 5 s"},
							{"0003", "", "TransferReadyForUserToSendCryptoFunds after 5 s"},
							{anyOther, "", "TransferReceivedCryptoFunds after 10 s, TransferComplete after 15 s"},
						}},
					},
					func(credentials map[string]string, config any) {
						if id := config.(*kotanitest.Config).FiatConnect.ChainID; id != 0 {
							credentials["chainId"] = strconv.FormatInt(id, 10)
						}
					}},
			},
			config: func(settings) any {
				return &kotanitest.Config{FiatConnect: kotanitest.FiatConnectConfig{ChainID: chainID}}
			},
			open: opener(kotanitest.NewIn),
		},
		{
			name: "bitpesa", title: "BitPesa",
			endpoints: []endpoint{{"bitpesa", "/bitpesa/v1", map[string]string{
				"key": bitpesatest.TestKey, "secret": bitpesatest.TestSecret, "kyc_key": bitpesatest.KYCKey, "kyc_secret": bitpesatest.KYCSecret, "balances": "1000000.00 each of USD, EUR, GBP, NGN, KES, UGX, GHS",
			}, `U={base}/accounts; N=$(date +%s%N); curl "$U" -H "Authorization-Key: {key}" -H "Authorization-Nonce: $N" -H "Authorization-Signature: $(printf '%s' "$N&GET&$U&$(printf '' | sha512sum | cut -d' ' -f1)" | openssl dgst -sha512 -hmac {secret} | sed 's/.* //')"`,
				bitPesaMagic(),
				func(credentials map[string]string, config any) {
					keys := config.(*bitpesatest.Config).Keys
					if len(keys) == 0 {
						return
					}
					delete(credentials, "kyc_key")
					delete(credentials, "kyc_secret")
					credentials["key"], credentials["secret"], credentials["balances"] = keys[0].Key, keys[0].Secret, "as configured"
					for _, k := range keys {
						if k.KYC {
							credentials["kyc_key"], credentials["kyc_secret"] = k.Key, k.Secret
							break
						}
					}
				},
			}},
			config: func(settings) any { return &bitpesatest.Config{} },
			open:   opener(bitpesatest.NewIn),
		},
	}
}

// bitPesaMagic are the numbers of the vendor's sandbox, a table for each corridor.
func bitPesaMagic() []magic {
	const (
		later    = "manual after 17 h 12 min 30 s, refunded after 24 h; code "
		failed   = "error after 30 s, refunded after 24 h; code "
		pending  = "stays pending; code 14"
		success  = "success after 30 s"
		bank     = "bank_account"
		byMobile = "phone_number"
	)
	table := func(corridor, number string, rows ...magicRow) magic {
		return magic{About: "payout " + corridor, Number: number, Rows: append(rows, magicRow{anyOther, "", success})}
	}
	ghana := []magicRow{{"01", "", pending}, {"18", "", later + "3"}, {"39", "", failed + "421"}, {"19", "", failed + "5"}}
	francs := []magicRow{{"01", "", pending}, {"38", "", later + "3"}, {"69", "", failed + "42"}, {"09", "", failed + "531"}}
	return []magic{
		table("GHS::Bank", bank, ghana...),
		table("GHS::Mobile", byMobile, ghana...),
		table("NGN::Bank", bank, magicRow{"01", "", pending}, magicRow{"08", "", later + "3"}, magicRow{"19", "", failed + "416"}, magicRow{"71", "", failed + "511"}),
		table("UGX::Mobile, airtel", byMobile, magicRow{"11", "", pending}, magicRow{"18", "", later + "331"}, magicRow{"19", "", failed + "42"}, magicRow{"49", "", failed + "5"}),
		table("UGX::Mobile, mtn", byMobile, magicRow{"1", "", pending}, magicRow{"18", "", later + "331"}, magicRow{"09", "", failed + "414"}, magicRow{"19", "", failed + "414"}),
		table("XAF::Mobile", byMobile, francs...),
		table("XAF::Mobile, Gabon", byMobile, magicRow{"1", "", pending}, magicRow{"08", "", later + "3"}, magicRow{"09", "", failed + "423"}),
		table("XOF::Mobile", byMobile, francs...),
	}
}
