package sqltest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

var twenty = decimal.NewFromInt(20)

const (
	kenyan  = "254712345678"
	failing = "254712340001" // a payment to or from it fails
)

// shopSigner is one wallet for all worlds, because its arithmetic is slow.
var shopSigner = sync.OnceValue(func() kotani.Signer { return kotanitest.NewSigner("shop") })

// kotaniFlow is one flow of Kotani, in a world of its own.
type kotaniFlow struct {
	config kotanitest.Config
	flow   func(*journal.Journal, string, *kotani.Client) planner
	ledger func(*kotanitest.Fake) []booked
	books  func(reference string) string
	before func(*kotani.Client)                     // what the merchant has done long ago
	enrol  func(c *kotani.Client, reference string) // before the plan; done for providerReference
}

func (k kotaniFlow) world() outsideWorld {
	cfg := k.config
	cfg.FiatConnect = kotanitest.FiatConnectConfig{KYCNotRequired: true}
	cfg.Balances = map[string]decimal.Decimal{"KES": plenty, "GHS": plenty, "cUSD": plenty}
	srv := kotanitest.New(cfg)
	key := srv.FiatConnect.AddClient("http://127.0.0.1:1/nobody").APIKey
	client := func(wrap transportWrap) *kotani.Client {
		cfg := srv.ClientConfig()
		cfg.CallbackURL = callback
		cfg.FiatConnect.BaseURL = srv.URL() + "/fiatconnect" // the same host, so that one address serves both
		cfg.FiatConnect.Signer, cfg.FiatConnect.APIKey = shopSigner(), key
		cfg.HTTPClient = &http.Client{Transport: wrap(cfg.HTTPClient.Transport)}
		c, err := kotani.New(cfg)
		must(err)
		return c
	}
	if k.before != nil {
		k.before(client(direct))
	}
	var enrol func(string)
	if k.enrol != nil {
		enrol = func(reference string) { k.enrol(client(direct), reference) }
		enrol(providerReference)
	}
	return outsideWorld{
		process: func(j *journal.Journal, name string, wrap transportWrap) planner {
			return k.flow(j, name, client(wrap))
		},
		fake:   srv,
		ledger: func() []booked { return k.ledger(srv) },
		books:  k.books, enrol: enrol,
	}
}

// listed lists the transactions of a fake by what show shows of them.
func listed(show func(kotanitest.Transaction) string) func(*kotanitest.Fake) []booked {
	return func(srv *kotanitest.Fake) (all []booked) {
		for _, t := range srv.Transactions() {
			all = append(all, booked{show(t), t.Status == kotani.StatusFailed})
		}
		return all
	}
}

func byReference(t kotanitest.Transaction) string { return t.ExternalID + " " + t.Amount.String() }
func byAmount(t kotanitest.Transaction) string    { return t.Amount.String() }
func byHash(t kotanitest.Transaction) string      { return t.TxHash }
func byPhone(t kotanitest.Transaction) string     { return t.Phone }

func twentyFor(reference string) decimal.Decimal { return more(twenty, reference, "1") }
func twentyText(reference string) string         { return twentyFor(reference).String() }
func referenceAndTwenty(reference string) string { return reference + " " + twentyText(reference) }

// hashOf is the transaction on a chain that pays for a reference.
func hashOf(reference string) string {
	if n := ordinal(reference); n > 0 {
		return fmt.Sprintf("0x%064x", n)
	}
	return "0x" + strings.Repeat("ab", 32)
}

// phoneOf is a user's own number.
func phoneOf(reference string) string {
	first, err := strconv.ParseInt(kenyan, 10, 64)
	must(err)
	return strconv.FormatInt(first+ordinal(reference)*10_000, 10) // all end in the same four digits
}

func named[P any](params func(reference string) P) func(string) journal.Named[P] {
	return func(reference string) journal.Named[P] {
		return journal.Named[P]{Reference: reference, Params: params(reference)}
	}
}

func newUser(c *kotani.Client, phone string) {
	_, err := c.KYC.CreateUser(context.Background(), phone)
	must(err)
}

// fiatAccount is made before the test; its id is the same in each new fake.
var fiatAccount = kotani.MobileMoneyAccount{AccountName: "Jane", InstitutionName: "Safaricom", Mobile: "+254712345678", Country: "KE", Operator: "M-Pesa"}

func fiatConnectWorld(flow func(*journal.Journal, string, *kotani.FiatConnect, journal.Func[kotani.Transfer]) *journal.Flow[journal.FiatConnectTransfer, kotani.Transfer],
	quote func(reference string) kotani.TransferQuoteParams, show func(kotanitest.Transfer) string, books func(reference string) string) func() outsideWorld {
	return func() outsideWorld {
		account := ""
		return kotaniFlow{
			flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
				return planOf(flow(j, name, c.FiatConnect, tell[kotani.Transfer]()), func(reference string) journal.FiatConnectTransfer {
					return journal.FiatConnectTransfer{Reference: reference, FiatAccountID: account, Quote: quote(reference)}
				})
			},
			ledger: func(srv *kotanitest.Fake) (all []booked) {
				for _, t := range srv.FiatConnect.Transfers() {
					all = append(all, booked{show(t), t.Status == kotani.TransferFailed})
				}
				return all
			},
			books: books,
			before: func(c *kotani.Client) {
				added, err := c.FiatConnect.AddAccount(context.Background(), fiatAccount)
				must(err)
				account = added.ID
			},
		}.world()
	}
}

func depositParams(reference string) kotani.DepositParams {
	return kotani.DepositParams{Amount: twentyFor(reference), PhoneNumber: some(reference, kenyan, failing), ExternalID: reference}
}

func withdrawParams(reference string) kotani.WithdrawParams {
	return kotani.WithdrawParams{Amount: twentyFor(reference), PhoneNumber: some(reference, kenyan, failing), ExternalID: reference}
}

func cashOutParams(reference string) kotani.CashOutParams {
	return kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: some(reference, kenyan, failing), TxHash: hashOf(reference)}
}

func depositWorld(cfg kotanitest.Config) func() outsideWorld {
	return kotaniFlow{config: cfg, ledger: listed(byReference), books: referenceAndTwenty, flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
		return planOf(journal.KotaniDeposit(j, name, c, tell[kotani.Transaction]()), depositParams)
	}}.world
}

func withdrawWorld(cfg kotanitest.Config) func() outsideWorld {
	return kotaniFlow{config: cfg, ledger: listed(byReference), books: referenceAndTwenty, flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
		return planOf(journal.KotaniWithdraw(j, name, c, tell[kotani.Transaction]()), withdrawParams)
	}}.world
}

// kotaniWorlds are the flows of Kotani.
func kotaniWorlds() map[string]flowWorld {
	fiat := func(reference string) decimal.Decimal { return more(decimal.NewFromInt(2500), reference, "1") }
	crypto := func(reference string) decimal.Decimal { return more(decimal.NewFromInt(25), reference, "0.01") }
	thousand := func(reference string) decimal.Decimal { return more(decimal.NewFromInt(1000), reference, "1") }
	celo := func(reference string) decimal.Decimal {
		return more(decimal.RequireFromString("1.5"), reference, "0.01")
	}
	return map[string]flowWorld{
		"fiatconnect in": {sdk.Keyed, fiatConnectWorld(journal.FiatConnectIn, func(reference string) kotani.TransferQuoteParams {
			return kotani.TransferQuoteParams{FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: fiat(reference), Country: "KE"}
		}, func(t kotanitest.Transfer) string { return t.FiatAmount.String() }, func(reference string) string { return fiat(reference).String() })},
		"fiatconnect out": {sdk.Keyed, fiatConnectWorld(journal.FiatConnectOut, func(reference string) kotani.TransferQuoteParams {
			return kotani.TransferQuoteParams{FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, CryptoAmount: crypto(reference), Country: "KE"}
		}, func(t kotanitest.Transfer) string { return t.CryptoAmount.String() }, func(reference string) string { return crypto(reference).String() })},
		"kotani deposit":  {sdk.Searched, depositWorld(kotanitest.Config{UniqueExternalID: true})},
		"kotani withdraw": {sdk.Searched, withdrawWorld(kotanitest.Config{UniqueExternalID: true})},
		"kotani quoted deposit": {sdk.Searched, kotaniFlow{flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
			return planOf(journal.KotaniDepositQuoted(j, name, c, tell[kotani.Transaction]()), func(reference string) journal.KotaniQuotedDeposit {
				return journal.KotaniQuotedDeposit{
					PhoneNumber: kenyan, ExternalID: reference, Quote: kotani.QuoteParams{Amount: thousand(reference), Currency: "KES", CryptoType: "cUSD"},
					Limits: journal.QuoteLimits{MostPaid: thousand(reference)},
				}
			})
		}, ledger: listed(byReference), books: func(reference string) string { return reference + " " + thousand(reference).String() }}.world},
		"kotani bank": {sdk.Searched, kotaniFlow{flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
			return planOf(journal.KotaniWithdrawToBank(j, name, c, tell[kotani.Transaction]()), func(reference string) kotani.BankWithdrawParams {
				return kotani.BankWithdrawParams{
					Amount: twentyFor(reference), AccountNumber: some(reference, "0123456789", "0123450001"), AccountName: "Jane", Bank: kotani.BankEquity, ExternalID: reference,
				}
			})
		}, ledger: listed(byReference), books: referenceAndTwenty}.world},
		"kotani paybill": {sdk.Once, kotaniFlow{flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
			return planOf(journal.KotaniPayBill(j, name, c, tell[kotani.Transaction]()), named(func(reference string) kotani.PayBillParams {
				return kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: some(reference, "01", "0001"), Amount: twentyFor(reference)}
			}))
		}, ledger: listed(byAmount), books: twentyText}.world},
		"kotani till": {sdk.Once, kotaniFlow{flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
			return planOf(journal.KotaniPayTill(j, name, c, tell[kotani.Transaction]()), named(func(reference string) kotani.PayTillParams {
				return kotani.PayTillParams{TillNumber: some(reference, "12345", "10001"), Amount: twentyFor(reference)}
			}))
		}, ledger: listed(byAmount), books: twentyText}.world},
		"kotani stellar": {sdk.Once, kotaniFlow{flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
			return planOf(journal.KotaniStellarCashOut(j, name, c, tell[kotani.Transaction]()), named(cashOutParams))
		}, ledger: listed(byHash), books: hashOf}.world},
		"kotani tron": {sdk.Once, kotaniFlow{flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
			return planOf(journal.KotaniTronCashOut(j, name, c, tell[kotani.Transaction]()), named(cashOutParams))
		}, ledger: listed(byHash), books: hashOf}.world},
		"kotani cash-in": {sdk.Once, kotaniFlow{flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
			return planOf(journal.KotaniTronCashIn(j, name, c, tell[kotani.Transaction]()), named(func(reference string) kotani.CashInParams {
				return kotani.CashInParams{Country: kotani.Kenya, PhoneNumber: some(reference, kenyan, failing), Amount: twentyFor(reference)}
			}))
		}, ledger: listed(byAmount), books: twentyText}.world},
		"kotani mpesa": {sdk.Once, kotaniFlow{flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
			return planOf(journal.KotaniSendToMpesa(j, name, c, tell[kotani.MpesaPayout]()), named(func(reference string) kotani.SendToMpesaParams {
				return kotani.SendToMpesaParams{PhoneNumber: kenyan, TxHash: hashOf(reference)}
			}))
		}, ledger: listed(byHash), books: hashOf}.world},
		"kotani celo": {sdk.Once, kotaniFlow{flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
			return planOf(journal.KotaniBuyCelo(j, name, c, tell[kotani.CeloPurchase]()), named(func(reference string) kotani.BuyCeloParams {
				return kotani.BuyCeloParams{PhoneNumber: kenyan, Amount: celo(reference)}
			}))
		}, ledger: listed(func(t kotanitest.Transaction) string { return t.Legs[0].Amount.String() }), books: func(reference string) string { return celo(reference).String() },
			before: func(c *kotani.Client) { newUser(c, kenyan) }}.world},
		"kotani claim": {sdk.Once, kotaniFlow{flow: func(j *journal.Journal, name string, c *kotani.Client) planner {
			return planOf(journal.KotaniClaim(j, name, c, tell[kotani.UBIClaim]()), named(claimParams))
		}, ledger: listed(byPhone), books: phoneOf, enrol: func(c *kotani.Client, reference string) {
			newUser(c, phoneOf(reference))
			_, err := c.UBI.SetBeneficiary(context.Background(), claimParams(reference))
			must(err)
		}}.world},
	}
}

func claimParams(reference string) kotani.UBIParams {
	return kotani.UBIParams{PhoneNumber: phoneOf(reference), ProgramID: "p-1"}
}
