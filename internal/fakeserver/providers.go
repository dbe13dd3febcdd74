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
	config    func(settings) any // a pointer to the fake's Config with what this server sets
	open      func(w *fake.World, config any) (http.Handler, error)
}

// endpoint is an API that a fake serves. Most fakes serve one.
type endpoint struct {
	name        string // in the greeting and in admin calls
	base        string // the base URL behind the server's address
	credentials map[string]string
	curl        string   // a first call that works; {base} is the base URL, {name} a credential
	magic       []string // what magic numbers and test cards do

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
				[]string{
					"top-up from a number ending in 0001 or 0002: FAILED", "0003: stays PENDING", "0004: SUCCESS after 10 minutes", "else: SUCCESS after 5 seconds",
					"ride to a number ending in 0001: no rider, REJECTED", "0002: the sender cancels after ACCEPTED", "0003: stays PENDING",
					"0004: an administrator cancels after PICKED_UP",
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
				[]string{
					"refid or msisdn ending in 0001 or 0002: fails", "0003: stays pending", "0004: paid after 10 minutes", "0005: fails with 682",
					"0006: paid at once", "0007 or 0008: refused with 606", "0009: paid, but no postback comes", "0010: the status lags behind",
					"cards that pay: 5101 1800 0000 0007, 5555 4444 3333 1111, 4111 1111 1111 1111; any other card is declined",
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
			config: func(settings) any { return &kpaytest.Config{Quirks: kpaytest.Quirks{BankIDOptional: true}} },
			open:   opener(kpaytest.NewIn),
		},
		{
			name: "kasapay", title: "Kasapay",
			endpoints: []endpoint{{"kasapay", "/kasapay", map[string]string{
				"consumer_key": "test-key", "consumer_secret": "test-secret", "service_code": "12346", "float": "1000000.00 KES",
			}, `curl {base}/v1/auth -H 'Content-Type: application/json' -d '{"consumer_key":"{consumer_key}","consumer_secret":"{consumer_secret}"}'`,
				[]string{
					"reference or account ending in 0001 or 0002: 701 failed", "0003: stays 703 pending", "0004: 700 after 10 minutes", "0005: 704 jammed",
					"0006 or 0010: 704, then 700 or 702", "0007: 700, then 702 reversed", "0008: 700, then 705 refunded", "0009: 700, but no callback comes",
					"callback_url at a host ending in .invalid: refused as unreachable",
				},
				func(credentials map[string]string, config any) {
					c := config.(*kasapaytest.Config)
					put(credentials, "consumer_key", c.ConsumerKey)
					put(credentials, "consumer_secret", c.ConsumerSecret)
					if len(c.ServiceCodes) > 0 {
						put(credentials, "service_code", c.ServiceCodes[0])
					}
					if c.Float != nil {
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
					[]string{"phone or account ending in 0001: fails", "0002: the payer has no money", "0003: stays pending"},
					func(credentials map[string]string, config any) {
						c := config.(*kotanitest.Config)
						put(credentials, "phoneNumber", c.PhoneNumber)
						put(credentials, "password", c.Password)
						if c.Country == kotani.Ghana {
							credentials["countryCode"] = "GH" // as the document has it
						}
					}},
				{"fiatconnect", "/kotani/fiatconnect", map[string]string{"note": "SIWE with any wallet; an API key is optional", "chainId": strconv.Itoa(chainID)},
					`curl {base}/clock`, []string{"fiat account ending in 0001: the transfer fails", "0002: stopped by the AML check", "0003: the user never sends the money"},
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
				[]string{"KYC is waived: a complete sender starts approved", "senders of kyc_key need documents and an approval", "payouts finish 30 s after funding"},
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
