package fakeserver

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// The vocabulary of all fakes. A method is part of it if each fake has it, or if
// its name and signature follow from the name of an object:
//
//	Ride(id string) (Ride, bool) // Rides must list them
//	Rides(...) []Ride
//	MoveRide(id string, to kapiten.RideStatus, ...) error
//	PayRide(id string, ...) error
//
// Everything else is a difference. A difference stands below with its reason.

// objects are the things of a provider that a test looks at, moves on or pays.
var objects = []difference{
	{"kapiten", "Ride", "Kapiten delivers"},
	{"kapiten", "TopUp", "a company tops up its wallet over the API, and a person at Kapiten confirms it"},
	{"kapiten", "Transaction", "Kapiten's API shows the wallet's rows with more fields than fake.Entry has"},
	{"kpay", "Payment", "KPay collects payments"},
	{"kasapay", "Payout", "Kasapay pays out"},
	{"kotani", "Transaction", "Kotani Pay has deposits and withdrawals, all called transactions"},
	{"kotani", "Order", "Kotani Pay has on-chain orders which the payer pays from a wallet"},
	{"kotani", "User", "Kotani Pay keeps the end users of a merchant"},
	{"fiatconnect", "Transfer", "FiatConnect moves money by transfers"},
	{"fiatconnect", "FiatAccount", "FiatConnect's users register accounts"},
	{"fiatconnect", "KYC", "FiatConnect identifies its users: one record per address and schema"},
	{"fiatconnect", "KYCRecord", "KYCRecords lists what KYC looks up"},
	{"bitpesa", "Transaction", "BitPesa remits by transactions"},
	{"bitpesa", "Recipient", "each recipient of a BitPesa transaction has a state of its own"},
	{"bitpesa", "Sender", "BitPesa identifies senders"},
	{"bitpesa", "Mandate", "BitPesa collects by mandates of recipients"},
}

// extras are methods that only some fakes have.
var extras = []difference{
	{"kapiten", "AddCompany", "a company signs up by itself, so a test needs it before it has a token"},
	{"kapiten", "Configure", "Kapiten's staff sets a company's prices and switches, which no API call can"},
	{"kapiten", "DeactivateUser", "Kapiten's staff deactivates a user, which no API call can"},
	{"kapiten", "CancelRide", "the sender or an administrator cancels a ride, which no API call can"},
	{"kapiten", "FailPayment", "a customer pays for a ride by MoMo or Airtel, outside the API, and may fail to"},
	{"kapiten", "Adjust", "ADJUSTMENT is a kind of row in Kapiten's own document"},
	{"kotani", "WalletBalance", "Kotani Pay keeps wallets of end users on chains beside the merchant's account"},
	{"fiatconnect", "AddClient", "a FiatConnect client needs an API key for its webhooks"},
	{"bitpesa", "AddMandate", "a recipient's bank sets a mandate up, which no API call can"},
	{"bitpesa", "SetValidationOutage", "BitPesa's account validation depends on banks, which can be down"},
}

// lacking are methods that all fakes have but one.
var lacking = []difference{
	{"kpay", "Deposit", "KPay only collects: payers put money into the merchant's account"},
	{"kpay", "Withdraw", "KPay only collects: it pays the merchant outside its API"},
	{"fiatconnect", "Balance", "FiatConnect uses the accounts of Kotani Pay's fake"},
	{"fiatconnect", "Deposit", "FiatConnect uses the accounts of Kotani Pay's fake"},
	{"fiatconnect", "Withdraw", "FiatConnect uses the accounts of Kotani Pay's fake"},
	{"fiatconnect", "Entries", "FiatConnect uses the accounts of Kotani Pay's fake"},
	{"fiatconnect", "Debits", "FiatConnect uses the accounts of Kotani Pay's fake"},
	{"fiatconnect", "CheckLedger", "FiatConnect uses the accounts of Kotani Pay's fake"},
	{"fiatconnect", "ClientConfig", "the configuration of Kotani Pay's client includes FiatConnect"},
}

type difference struct{ fake, name, reason string }

// alone are the fields of Config and Quirks that only one fake has. A name that
// several fakes have means one thing, has one type and stands in the same of the two.
// Names stand together where they have one reason.
var alone = []difference{
	{"kapiten", "Pricing", "Kapiten's staff sets what a company pays for its rides"},
	{"kapiten", "OnInsufficientFunds", "a ride waits for a payment, which no payout of Kasapay does"},
	{"kapiten", "ListLag", "List Rides alone lags; KPay's LookupLag is about one payment"},
	{"kapiten", "Autopilot AutopilotStart AutopilotStep", "riders are people, whom else the test plays"},
	{"kapiten", "PaymentTimeout MatchTimeout", "a ride waits for its customer and for a rider"},
	{"kapiten", "MaxTopUp", "only Kapiten's wallet is topped up"},
	{"kapiten", "PageSize OmitNullLinks NextLinkHost", "pages as of a Django REST framework"},
	{"kapiten", "UniqueExternalID", "Kapiten's fake takes an external id again unless it is told otherwise, and Kotani's refuses it: neither document decides"},
	{"kapiten", "DecimalStrings HideExternalID ShowRequest", "the form of a ride in Kapiten's responses"},
	{"kpay", "Username APIKey", "how KPay recognises a merchant"},
	{"kpay", "Retailers ID Name Disabled", "KPay has several merchants in one account"},
	{"kpay", "LookupLag", "checkstatus does not find a payment; Kapiten finds a ride by its id at once, and lists it late"},
	{"kpay", "AllowedIPs RequireHTTPS", "KPay has codes of its own for both"},
	{"kpay", "BankIDOptional RefusedRefIDReusable", "a bankid and a refid are KPay's"},
	{"kpay", "PostbackFormat OmitPayAccount OtherTID", "the form of KPay's postbacks"},
	{"kpay", "HTTP401 MinimalErrors BlankURL StringsAsNumbers SuccessAsBool PadValues", "the form of KPay's responses"},
	{"kasapay", "ConsumerKey ConsumerSecret ServiceCodes", "how Kasapay recognises a merchant"},
	{"kasapay", "BankName UnreachableHosts PendingCallbacks MintReferences", "only Kasapay shows a bank, calls a callback_url back before it accepts, or gives a reference of its own"},
	{"kasapay", "RefuseBeyondFloat FloatFirst", "Kasapay may accept a payout that its float does not cover; Kotani Pay and BitPesa refuse it"},
	{"kasapay", "AnyMethod RefundFailed AnySuccessAcknowledges", "rules which Kasapay's document has and its platform may not"},
	{"kasapay", "CreatedStatus RefusalStatus DuplicateStatus TokenStatus NotFoundStatus", "Kasapay's document names no HTTP status"},
	{"kasapay", "SnakeCaseExpiry OmitExpiry AmountsAsNumbers Nulls OmitOptional ExtraKeys DestinationAsRequested MaskAccountNumbers", "the form of Kasapay's responses"},
	{"kotani", "PhoneNumber Country", "how Kotani Pay recognises a partner"},
	{"kotani", "FiatConnect", "FiatConnect is a section of Kotani Pay"},
	{"kotani", "ReferencesRepeat", "Kotani's fake refuses an external id that comes again unless it is told otherwise; see UniqueExternalID"},
	{"kotani", "StrictTypes FlatResponses StatusAsBool", "what Kotani Pay's documents and operator disagree about"},
	{"kotani", "ReverseAfter", "Kotani Pay also tries a reversal again after it, until the money is there"},
	{"kotani", "OrderLifetime HashValue HashValues ClaimAmount ClaimEvery", "Kotani Pay's orders, chains and UBI claims"},
	{"fiatconnect", "Prefix ChainID Domain ContractWallets SecureCookies RequireAPIKey", "FiatConnect's login"},
	{"fiatconnect", "KYCNotRequired PendingKYC KYCDelay", "FiatConnect identifies its users by records"},
	{"fiatconnect", "StepDelay ManualTransfers", "a transfer goes by itself through several states; nobody whom a test plays moves it, as riders do"},
	{"fiatconnect", "ProviderInitiated StrictQuotes StrictPhones", "choices of FiatConnect's specification"},
	{"fiatconnect", "CryptoValues Countries MinValue MaxValue FeePercent KeyLifetime", "limits which FiatConnect's quotes show, and its idempotency keys"},
	{"bitpesa", "Keys Key Secret KYC WTR2", "BitPesa's fake has several accounts"},
	{"bitpesa", "APIVersion", "BitPesa's documents are of two generations"},
	{"bitpesa", "Rounding WaivedStaysInitial StrictQuery StrictDebits AllowSecretHeader", "readings of BitPesa's documents"},
}

// times are those of an object beside Created and Updated.
var times = []difference{
	{"kpay", "Ended", "a payment changes once: it ends"},
	{"fiatconnect", "Guaranteed", "until when the quote of a transfer holds"},
	{"bitpesa", "Funded", "a transaction is funded once, before it is paid out"},
	{"bitpesa", "Signed", "a mandate counts once it is signed"},
}

// vocabulary is a fake to be compared with the others.
type vocabulary struct {
	name         string // of the provider
	client       string // the import path of its client
	fake         reflect.Type
	config       reflect.Type
	constructors []any // New, NewIn, NewServer
}

func vocabularies() []vocabulary {
	const module = "github.com/kapiteni/kapiten-go/"
	return []vocabulary{
		{"kapiten", module + "kapiten", reflect.TypeFor[*kapitentest.Fake](), reflect.TypeFor[kapitentest.Config](), []any{kapitentest.New, kapitentest.NewIn, kapitentest.NewServer}},
		{"kpay", module + "kpay", reflect.TypeFor[*kpaytest.Fake](), reflect.TypeFor[kpaytest.Config](), []any{kpaytest.New, kpaytest.NewIn, kpaytest.NewServer}},
		{"kasapay", module + "kasapay", reflect.TypeFor[*kasapaytest.Fake](), reflect.TypeFor[kasapaytest.Config](), []any{kasapaytest.New, kasapaytest.NewIn, kasapaytest.NewServer}},
		{"kotani", module + "kotani", reflect.TypeFor[*kotanitest.Fake](), reflect.TypeFor[kotanitest.Config](), []any{kotanitest.New, kotanitest.NewIn, kotanitest.NewServer}},
		{"fiatconnect", module + "kotani", reflect.TypeFor[*kotanitest.FiatConnect](), reflect.TypeFor[kotanitest.FiatConnectConfig](), nil},
		{"bitpesa", module + "bitpesa", reflect.TypeFor[*bitpesatest.Fake](), reflect.TypeFor[bitpesatest.Config](), []any{bitpesatest.New, bitpesatest.NewIn, bitpesatest.NewServer}},
	}
}

// A fake without constructors belongs to another fake, as FiatConnect does.
func TestAllFakesHaveTheSameConstructors(t *testing.T) {
	named := map[string]bool{}
	for _, v := range vocabularies() {
		named[v.name] = true
		if v.constructors == nil {
			continue
		}
		config := reflect.TypeOf(v.constructors[0]).In(0)
		assert.Equal(t, "Config", config.Name(), v.name)
		assert.Equal(t, v.config, config, v.name)
		options, ok := config.FieldByName("Options")
		assert.True(t, ok && options.Type == reflect.TypeFor[fake.Options](), "%s: Config has no Options fake.Options", v.name)
		assert.Equal(t, reflect.FuncOf([]reflect.Type{config}, []reflect.Type{v.fake}, false), reflect.TypeOf(v.constructors[0]))
		assert.Equal(t, reflect.FuncOf([]reflect.Type{reflect.TypeFor[*fake.World](), config}, []reflect.Type{v.fake}, false), reflect.TypeOf(v.constructors[1]))
		assert.Equal(t, reflect.FuncOf([]reflect.Type{reflect.TypeFor[fake.TB](), reflect.SliceOf(config)}, []reflect.Type{v.fake}, true), reflect.TypeOf(v.constructors[2]))
	}
	for _, p := range providers() {
		for _, e := range p.endpoints {
			assert.True(t, named[e.name], "%s is not compared with the other fakes", e.name)
		}
	}
}

func TestAllFakesSpeakOneVocabulary(t *testing.T) {
	used := map[difference]bool{}
	find := func(list []difference, fake string, names ...string) bool {
		for _, d := range list {
			if d.fake == fake && slices.Contains(names, d.name) {
				used[d] = true
				return true
			}
		}
		return false
	}
	control := reflect.TypeFor[*fake.Control]()
	for _, v := range vocabularies() {
		for i := range control.NumMethod() {
			name := control.Method(i).Name
			m, ok := v.fake.MethodByName(name)
			assert.True(t, ok && signature(m) == signature(control.Method(i)), "%s: %s is not that of fake.Control", v.name, name)
		}
		for name, check := range shared(v) {
			m, ok := v.fake.MethodByName(name)
			if find(lacking, v.name, name) {
				assert.False(t, ok, "%s has %s and is said to lack it", v.name, name)
				continue
			}
			if assert.True(t, ok, "%s lacks %s", v.name, name) {
				assert.True(t, check(m.Type), "%s: %s%s", v.name, name, signature(m))
			}
		}
		for i := range v.fake.NumMethod() {
			m := v.fake.Method(i)
			_, promoted := control.MethodByName(m.Name)
			if promoted || shared(v)[m.Name] != nil || find(extras, v.name, m.Name) {
				continue
			}
			problem := "is not part of the vocabulary, and no reason is given"
			for _, form := range forms {
				object, ok := form.object(m)
				if !ok || !find(objects, v.name, object) {
					continue
				}
				if problem = ""; !form.check(v, m.Type) {
					problem = "should be " + strings.ReplaceAll(form.want, "Ride", object)
				}
				break
			}
			assert.Empty(t, problem, "%s: %s%s", v.name, m.Name, signature(m))
			if m.Type.NumOut() == 2 && m.Type.Out(1).Kind() == reflect.Bool {
				list := m.Type.Out(0).Name() + "s"
				_, ok := v.fake.MethodByName(list)
				assert.True(t, ok, "%s: %s looks an object up, but there is no %s", v.name, m.Name, list)
			}
			if m.Type.NumOut() == 1 && m.Type.Out(0).Kind() == reflect.Slice {
				object := m.Type.Out(0).Elem()
				assert.True(t, looksUp(v.fake, object), "%s: %s lists objects, but no method looks a %s up", v.name, m.Name, object.Name())
			}
		}
	}
	for _, d := range slices.Concat(objects, extras, lacking) {
		assert.NotEmpty(t, d.reason)
		assert.True(t, used[d], "%s: %s is explained and does not occur", d.fake, d.name)
	}
}

func TestOneAssumptionHasOneFieldInAllFakes(t *testing.T) {
	seen := map[string][]setting{}
	for _, v := range vocabularies() {
		for _, s := range fieldsOf(v, v.config, "Config") {
			seen[s.field] = append(seen[s.field], s)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		all := seen[name]
		explained := slices.IndexFunc(alone, func(d difference) bool {
			return d.fake == all[0].fake && slices.Contains(strings.Fields(d.name), name)
		}) >= 0
		if len(all) == 1 {
			assert.True(t, explained, "%s: only this fake has %s.%s, and no reason is given", all[0].fake, all[0].place, name)
			continue
		}
		for _, s := range all[1:] {
			assert.Equal(t, all[0].place, s.place, "%s in %s and in %s", name, all[0].fake, s.fake)
			assert.Equal(t, all[0].typ.String(), s.typ.String(), "%s in %s and in %s", name, all[0].fake, s.fake)
		}
	}
	for _, d := range alone {
		assert.NotEmpty(t, d.reason)
		for name := range strings.FieldsSeq(d.name) {
			assert.True(t, len(seen[name]) == 1 && seen[name][0].fake == d.fake, "%s: %s is explained, and not the fake's alone", d.fake, name)
		}
	}
}

// setting is a field by which a fake is set up.
type setting struct {
	fake, place, field string // place: Config or Quirks
	typ                reflect.Type
}

// fieldsOf are the fields of a Config, of its Quirks and of what its lists hold, such as
// the accounts of BitPesa.
func fieldsOf(v vocabulary, of reflect.Type, place string) (all []setting) {
	for i := range of.NumField() {
		field := of.Field(i)
		switch {
		case field.Anonymous: // fake.Masked
		case field.Name == "Quirks":
			all = append(all, fieldsOf(v, field.Type, "Quirks")...)
		case field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct && field.Type.Elem().PkgPath() == v.config.PkgPath():
			all = append(all, fieldsOf(v, field.Type.Elem(), place)...)
			fallthrough
		default:
			all = append(all, setting{v.name, place, field.Name, field.Type})
		}
	}
	return all
}

func TestObjectsNameTheirTimesAndScenariosAlike(t *testing.T) {
	used := map[difference]bool{}
	for _, v := range vocabularies() {
		for i := range v.fake.NumMethod() {
			list := v.fake.Method(i).Type
			if list.NumOut() != 1 || list.Out(0).Kind() != reflect.Slice || list.Out(0).Elem().PkgPath() != v.fake.Elem().PkgPath() {
				continue
			}
			object := list.Out(0).Elem()
			for _, field := range reflect.VisibleFields(object) {
				if field.Type == reflect.TypeFor[fake.Scenario]() {
					assert.Equal(t, "outcome", field.Tag.Get("json"), "%s: %s.%s in snapshots and admin calls", v.name, object.Name(), field.Name)
				}
				if field.Type != reflect.TypeFor[time.Time]() || field.Name == "Created" || field.Name == "Updated" {
					continue
				}
				i := slices.IndexFunc(times, func(d difference) bool { return d.fake == v.name && d.name == field.Name })
				if assert.GreaterOrEqual(t, i, 0, "%s: %s.%s is another time, and no reason is given", v.name, object.Name(), field.Name) {
					used[times[i]] = true
				}
			}
		}
	}
	for _, d := range times {
		assert.True(t, used[d] && d.reason != "", "%s: %s is explained and does not occur", d.fake, d.name)
	}
}

// looksUp reports whether a fake has a method that returns one object, or false.
func looksUp(fake, object reflect.Type) bool {
	for i := range fake.NumMethod() {
		if m := fake.Method(i).Type; m.NumOut() == 2 && m.Out(0) == object && m.Out(1).Kind() == reflect.Bool {
			return true
		}
	}
	return false
}

// shared are the methods that each fake has beside those of fake.Control. The
// accounts of a provider may take several strings to name, or none.
func shared(v vocabulary) map[string]func(reflect.Type) bool {
	money, entries := reflect.TypeFor[decimal.Decimal](), reflect.TypeFor[[]fake.Entry]()
	moves := func(m reflect.Type) bool {
		last := m.NumIn() - 1
		return last >= 1 && m.In(last) == money && takeStrings(m, last) && returns(m, reflect.TypeFor[error]())
	}
	return map[string]func(reflect.Type) bool{
		"Balance":  func(m reflect.Type) bool { return takeStrings(m, m.NumIn()) && returns(m, money) },
		"Entries":  func(m reflect.Type) bool { return takeStrings(m, m.NumIn()) && returns(m, entries) },
		"Debits":   func(m reflect.Type) bool { return m.NumIn() == 2 && takeStrings(m, 2) && returns(m, entries) },
		"Deposit":  moves,
		"Withdraw": moves,
		"CheckLedger": func(m reflect.Type) bool {
			return m.NumIn() == 1 && returns(m, reflect.TypeFor[error]())
		},
		"ClientConfig": func(m reflect.Type) bool {
			return m.NumOut() == 1 && m.Out(0).PkgPath() == v.client && m.Out(0).Name() == "Config"
		},
	}
}

// forms are the methods of an object, each as it is for rides.
var forms = []struct {
	want   string
	object func(reflect.Method) (string, bool)
	check  func(vocabulary, reflect.Type) bool
}{
	{
		"MoveRide(id string, to <client>.RideStatus, ...) error",
		func(m reflect.Method) (string, bool) { return strings.CutPrefix(m.Name, "Move") },
		func(v vocabulary, m reflect.Type) bool {
			to := slices.IndexFunc(in(m), func(p reflect.Type) bool { return p.PkgPath() == v.client })
			return to >= 1 && takeStrings(m, 1+to) && returns(m, reflect.TypeFor[error]())
		},
	},
	{
		"PayRide(id string, ...) error",
		func(m reflect.Method) (string, bool) { return strings.CutPrefix(m.Name, "Pay") },
		func(_ vocabulary, m reflect.Type) bool {
			return m.NumIn() >= 2 && takeStrings(m, 2) && returns(m, reflect.TypeFor[error]())
		},
	},
	{
		"Rides(...) []Ride",
		func(m reflect.Method) (string, bool) { return strings.CutSuffix(m.Name, "s") },
		func(v vocabulary, m reflect.Type) bool {
			return m.NumOut() == 1 && m.Out(0).Kind() == reflect.Slice && m.Out(0).Elem().PkgPath() == v.fake.Elem().PkgPath()
		},
	},
	{
		"Ride(id string) (Ride, bool)",
		func(m reflect.Method) (string, bool) { return m.Name, true },
		func(v vocabulary, m reflect.Type) bool {
			return m.NumIn() >= 2 && takeStrings(m, m.NumIn()) && m.NumOut() == 2 && m.Out(0).PkgPath() == v.fake.Elem().PkgPath() && m.Out(1).Kind() == reflect.Bool
		},
	},
}

// in are a method's parameters without its receiver.
func in(m reflect.Type) []reflect.Type {
	var all []reflect.Type
	for i := 1; i < m.NumIn(); i++ {
		all = append(all, m.In(i))
	}
	return all
}

// takeStrings reports whether the parameters from 1 until end are strings.
func takeStrings(m reflect.Type, end int) bool {
	for i := 1; i < end; i++ {
		if m.In(i) != reflect.TypeFor[string]() {
			return false
		}
	}
	return true
}

func returns(m, result reflect.Type) bool { return m.NumOut() == 1 && m.Out(0) == result }

// signature is a method's type without its receiver.
func signature(m reflect.Method) string {
	text := m.Type.String()
	receiver := fmt.Sprintf("func(%s", m.Type.In(0))
	return "(" + strings.TrimPrefix(strings.TrimPrefix(text, receiver), ", ")
}
