package kotani_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

// shape of a JSON object: its keys and whether each is text, number or object.
func shape(t *testing.T, body []byte) map[string]string {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(body, &members), string(body))
	kinds := map[string]string{}
	for name, raw := range members {
		switch raw[0] {
		case '"':
			kinds[name] = "text"
		case '{':
			kinds[name] = "object"
		default:
			kinds[name] = "number"
		}
	}
	return kinds
}

// The document prints some phone and account numbers without quotes and types
// them as strings; strings are sent.
var typedString = map[string]bool{"phoneNumber": true, "accountNumber": true}

// What is sent beyond the document's sample.
var beyondTheDocument = map[string][]string{
	kotani.OpTransferQuoteIn:  {"address"}, // required by the FiatConnect specification
	kotani.OpTransferQuoteOut: {"address"},
}

func TestEveryRequestHasTheDocumentsKeys(t *testing.T) {
	for method, want := range wireCalls {
		name := want.op + ".request.json"
		if _, err := os.Stat("../testdata/kotani/" + name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		t.Run(method, func(t *testing.T) {
			s := newScript(respond(400, `{"status":400,"desc":"no"}`))
			delete(s.aside, loginPath)
			delete(s.aside, siwePath)
			if want.op != kotani.OpLogin && want.op != kotani.OpFiatConnectLogin {
				s = newScript(respond(400, `{"status":400,"desc":"no"}`))
			}
			_ = want.call(t.Context(), newClient(t, s))
			got := shape(t, []byte(s.requests()[0].Body))
			wanted := shape(t, sample(t, name))
			for key := range wanted {
				if typedString[key] {
					wanted[key] = "text"
				}
			}
			for _, key := range beyondTheDocument[want.op] {
				wanted[key] = "text"
			}
			assert.Equal(t, wanted, got)
		})
	}
}

// Samples whose placeholders are no response at all.
var placeholderResponses = map[string]bool{
	kotani.OpStatusByRequestID:  true, // an empty result, without a status
	kotani.OpStatusByExternalID: true,
	kotani.OpDeposit:            true, // they name no transaction
	kotani.OpDepositQuoted:      true,
	kotani.OpPayBill:            true,
	kotani.OpPayTill:            true,
	kotani.OpStellarCashOut:     true,
	kotani.OpTronCashOut:        true,
	kotani.OpFiatConnectClock:   true, // "string" is no time
	kotani.OpFiatConnectLogin:   true, // a refusal is shown
}

// about has a sample of the document name what the call asks for, where the response
// is compared with it: a placeholder would be another payment.
func about(op, sample string) string {
	fill := map[string]string{"externalId": "order-1", "transferId": "t-1"}
	switch op {
	case kotani.OpWithdraw:
		fill["amount"] = "20"
	case kotani.OpWithdrawToBank:
		fill["amount"], fill["serviceProviderId"], fill["accountNumber"] = "20", "01", "0123456789"
	}
	for key, value := range fill {
		sample = regexp.MustCompile(`"`+key+`":\s*"string"`).ReplaceAllString(sample, `"`+key+`": "`+value+`"`)
	}
	return sample
}

func TestEveryResponseOfTheDocumentIsRead(t *testing.T) {
	for method, want := range wireCalls {
		name := want.op + ".response.json"
		if _, err := os.Stat("../testdata/kotani/" + name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if strings.Contains(method, "Wait") {
			continue // a placeholder is no state that ends a wait
		}
		t.Run(method, func(t *testing.T) {
			s := newScript(respond(200, about(want.op, string(sample(t, name)))))
			delete(s.aside, clockPath)
			if want.op == kotani.OpFiatConnectLogin {
				s.aside[siwePath] = []step{respond(401, string(sample(t, name)))}
			} else if want.op != kotani.OpFiatConnectClock {
				s.aside[clockPath] = newScript(nil).aside[clockPath]
			}
			client := newClient(t, s, func(c *kotani.Config) { c.MaxAttempts = 1 })
			err := want.call(t.Context(), client)
			switch {
			case want.op == kotani.OpFiatConnectLogin:
				assert.ErrorIs(t, err, kotani.ErrInvalidSignature)
			case placeholderResponses[want.op]:
				assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
			default:
				assert.NoError(t, err)
			}
		})
	}
}

// operator2022 is what the operator's service sent in 2022, by operation.
func operator2022(t *testing.T) map[string]struct{ Success, Failure []json.RawMessage } {
	t.Helper()
	var all map[string]struct{ Success, Failure []json.RawMessage }
	require.NoError(t, json.Unmarshal(sample(t, "operator2022.json"), &all))
	return all
}

func callOf(t *testing.T, op string) func(context.Context, *kotani.Client) error {
	t.Helper()
	for method, want := range wireCalls {
		if want.op == op && !strings.Contains(method, "Wait") && !strings.Contains(method, "Prepare") {
			return want.call
		}
	}
	t.Fatalf("no call of %s", op)
	return nil
}

func withdrawIn2022(ctx context.Context, c *kotani.Client) error {
	p := validWithdraw
	p.PhoneNumber = "254712345678"
	_, err := c.Fiat.Withdraw(ctx, p)
	return err
}

func TestResponsesOfTheOperatorsServiceAreRead(t *testing.T) {
	for op, responses := range operator2022(t) {
		call := callOf(t, op)
		for _, body := range responses.Success {
			t.Run(op+"/"+string(body), func(t *testing.T) {
				s := newScript(respond(200, string(body)))
				if op == kotani.OpLogin {
					s.aside[loginPath] = []step{respond(200, string(body))}
				}
				if op == kotani.OpWithdraw {
					call = withdrawIn2022
				}
				assert.NoError(t, call(t.Context(), newClient(t, s)))
			})
		}
		for _, body := range responses.Failure {
			t.Run(op+"/"+string(body), func(t *testing.T) {
				s := newScript(respond(200, string(body)))
				if strings.Contains(string(body), "insufficient") { // it stands only if the transaction is absent
					s.steps = append(s.steps, isAbsent)
				}
				if op == kotani.OpLogin {
					s.aside[loginPath] = []step{respond(200, string(body))}
				}
				err := call(t.Context(), newClient(t, s))
				e := failure(t, err)
				want := sdk.Rejected
				if strings.Contains(string(body), "already processed") {
					want = sdk.Unknown // and perhaps by this very payment
				}
				assert.Equal(t, want, e.Outcome)
				assert.Equal(t, 200, e.StatusCode)
			})
		}
	}
}

func TestWhatTheOperatorsResponsesSayIsTyped(t *testing.T) {
	all := operator2022(t)
	client := func(op string, i int) *kotani.Client {
		return newClient(t, newScript(respond(200, string(all[op].Success[i]))))
	}
	user, err := client(kotani.OpCreateUser, 0).KYC.CreateUser(t.Context(), "254712345678")
	require.NoError(t, err)
	assert.Equal(t, "user-1", user.ID)

	for i, want := range []bool{true, false} {
		v, err := client(kotani.OpVerifyUser, i).KYC.VerifyUser(t.Context(), "254712345678")
		require.NoError(t, err)
		assert.Equal(t, want, v.Verified)
	}

	update, err := client(kotani.OpUpdateUser, 2).KYC.UpdateUser(t.Context(), kotani.UpdateUserParams{PhoneNumber: "254712345678", FirstName: "J", LastName: "D", Email: "e"})
	require.NoError(t, err)
	assert.Equal(t, "active", update.Status)

	record, err := client(kotani.OpUserByPhone, 0).KYC.FindUser(t.Context(), "254712345678")
	require.NoError(t, err)
	assert.Equal(t, canonical(t, all[kotani.OpUserByPhone].Success[0]), canonical(t, record.Record))

	balance, err := client(kotani.OpBalance, 0).OnChain.Balance(t.Context(), "254712345678", kotani.ChainCelo)
	require.NoError(t, err)
	assert.Equal(t, "KES", balance.Currency)
	wantMoney(t, "12.34", balance.Amount.Decimal)

	rates, err := client(kotani.OpEscrowRates, 0).OnChain.EscrowRates(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "0x2222222222222222222222222222222222222222", rates.EscrowAddress)
	wantMoney(t, "127.4", rates.Rate.Decimal)

	payout, err := client(kotani.OpSendToMpesa, 0).Celo.SendToMpesa(t.Context(), validMpesa)
	require.NoError(t, err)
	assert.Equal(t, "123456", payout.BlockNumber)
	assert.Equal(t, "1.5 CUSD", payout.Value)
	assert.Equal(t, `{"reference":"QB1234"}`, canonical(t, payout.MpesaDetails))

	p := validWithdraw
	p.PhoneNumber = "254712345678"
	withdrawal, err := client(kotani.OpWithdraw, 0).Fiat.Withdraw(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, "w-1", withdrawal.RequestID)
	assert.Equal(t, "KES", withdrawal.Currency)
	wantMoney(t, "20", withdrawal.Amount.Decimal)
	assert.Empty(t, withdrawal.Status, "201 is no state of a transaction")

	claim, err := client(kotani.OpUBIClaim, 0).UBI.Claim(t.Context(), ubi)
	require.NoError(t, err)
	assert.Equal(t, "https://explorer.celo.org/tx/0x55", claim.TransactionURL)

	for i, want := range []bool{true, false} {
		b, err := client(kotani.OpIsBeneficiary, i).UBI.IsBeneficiary(t.Context(), ubi)
		require.NoError(t, err, "a negative response is no error")
		assert.Equal(t, want, b.Is)
	}
}

func TestWhatTheDocumentsResponsesSayIsTyped(t *testing.T) {
	read := func(op string) []byte { return []byte(about(op, string(sample(t, op+".response.json")))) }
	client := func(op string) *kotani.Client { return newClient(t, newScript(respond(200, string(read(op))))) }

	w, err := client(kotani.OpWithdraw).Fiat.Withdraw(t.Context(), validWithdraw)
	require.NoError(t, err)
	wantMoney(t, "20", w.Amount.Decimal)
	w.Amount = decimal.NullDecimal{}
	assert.Equal(t, kotani.Transaction{RequestID: "0", PhoneNumber: "string", Message: "string", ExternalID: "order-1", Raw: read(kotani.OpWithdraw)}, *w)

	b, err := client(kotani.OpWithdrawToBank).Fiat.WithdrawToBank(t.Context(), validBank)
	require.NoError(t, err)
	assert.Equal(t, "0123456789", b.AccountNumber)
	assert.Equal(t, kotani.BankKCB, b.Bank)
	_, err = newClient(t, newScript(respond(200, `{"id":0,"message":"string","amount":"string","externalId":"order-1"}`))).Fiat.Withdraw(t.Context(), validWithdraw)
	require.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "a placeholder is no amount")

	list, err := client(kotani.OpTransactions).Fiat.List(t.Context(), kotani.TransactionListOptions{})
	require.NoError(t, err)
	assert.Nil(t, list.Items, "the document's response holds no list")
	assert.True(t, bytes.Equal(read(kotani.OpTransactions), list.Raw))

	transfer, err := client(kotani.OpTransferOut).FiatConnect.TransferOut(t.Context(), kotani.TransferParams{FiatAccountID: "a", QuoteID: "q"})
	require.NoError(t, err)
	assert.Equal(t, kotani.TransferStarted, transfer.Status)
	assert.Equal(t, "t-1", transfer.ID)

	record, err := client(kotani.OpAddKYC).FiatConnect.AddKYC(t.Context(), kotaniKYC)
	require.NoError(t, err)
	assert.Equal(t, kotani.KYCApproved, record.Status)
	assert.Equal(t, "{ }", string(record.Data))
}
