package kotani_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/kotani"
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
	kotani.OpSendToMpesa:    {"Invalid Hash"}, // without the comment
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
	for method, row := range payments {
		if row.Class == sdk.Keyed {
			continue // the refusals of FiatConnect are codes
		}
		believed := 0
		told := func(body string, own bool) {
			for _, status := range []int{200, 400} {
				if status == 400 && !strings.Contains(body, "desc") {
					continue // under an HTTP error a text is needed
				}
				synctest.Test(t, func(t *testing.T) {
					err := wireCalls[method].call(t.Context(), newClient(t, newScript(respond(status, body), isAbsent), func(c *kotani.Config) { c.MaxAttempts = 1 }))
					e := failure(t, err)
					want := sdk.Unknown
					if own && !strings.Contains(body, "already") { // a duplicate may be this very payment
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
		for body, ops := range known {
			told(body, slices.Contains(ops, row.Name) || body == `{"desc":"invalid phoneNumber","status":400}` && sends(t, method, "phoneNumber"))
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
			for body, ops := range known {
				own := slices.Contains(ops, row.Name) || body == `{"desc":"invalid phoneNumber","status":400}` && sends(t, method, "phoneNumber")
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
