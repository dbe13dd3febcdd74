package kotani_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

// A text of a refusal beside a good response contradicts it, whatever the status says.
func TestTheTextOfARefusalIsNoSuccess(t *testing.T) {
	var many clienttest.Sixteenth
	for text, success := range map[string]bool{
		"Insufficient balance": false, "Low balance": false, "Invalid Hash": false, "user account does not exist": false,
		"Transaction Hash is already processed": false, "user account is not verified": false,
		"": true, "Transaction successful": true, "Request received": true,
	} {
		for _, member := range []string{"desc", "message", "comment"} {
			for _, wr := range writes {
				if wr.fiatConnect() || success && wr.op == kotani.OpBuyCelo { // see TestTheResponseToAPurchaseHasItsOwnForm
					continue
				}
				if many.LeavesOut() {
					continue
				}
				t.Run(wr.op+"/"+member+"/"+text, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						works, err := wr.replied(t, func(_ map[string]any, deliver func() string) (int, string) {
							var body map[string]any
							require.NoError(t, json.Unmarshal([]byte(deliver()), &body))
							body[member] = text
							changed, err := json.Marshal(body)
							require.NoError(t, err)
							return 200, string(changed)
						})
						assert.Equal(t, 1, works)
						if success || wr.class() == sdk.Searched { // the lookup finds it
							assert.NoError(t, err)
							return
						}
						assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
					})
				})
			}
		}
	}
}

func TestTheResponseToAPurchaseHasItsOwnForm(t *testing.T) {
	for body, success := range map[string]bool{
		`{"status":201,"details":{}}`:                                                    true,
		`{"status":"201","details":"receipt"}`:                                           true,
		`{"status":201,"details":"{\"status\":true,\"transactionHash\":\"0x1\"}"}`:       true,
		`{"status":201,"details":{},"phoneNumber":"254712345678"}`:                       true,
		`{"status":201,"desc":"User details updated","details":{"firstname":"x"}}`:       false,
		`{"status":201,"desc":"details saved","details":{}}`:                             false,
		`{"status":201,"details":{},"result":{}}`:                                        false,
		`{"status":201,"details":{},"txid":"0x1"}`:                                       false,
		`{"status":201,"details":{"firstname":"x","phoneNumber":"254712345678"}}`:        false,
		`{"status":201,"details":{"documentNumber":"1"}}`:                                false,
		`{"status":201,"details":{},"phoneNumber":"254799999999"}`:                       false,
		`{"status":200,"details":{},"desc":"ok","cusdDetails":{"value":"1.5 CUSD"}}`:     false,
		`{"status":201,"details":{"email":"x@example.com","lastname":"y"},"desc":"x"}`:   false,
		`{"status":201,"details":{"status":true,"transactionHash":"0x1","from":"0x22"}}`: true,
	} {
		client := newClient(t, newScript(respond(200, body)), func(c *kotani.Config) { c.MaxAttempts = 1 })
		_, err := client.Celo.Buy(t.Context(), kotani.BuyCeloParams{PhoneNumber: customer, Amount: twenty})
		if success {
			assert.NoError(t, err, body)
		} else {
			assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, body)
		}
	}
}

// What says that a request failed contradicts a transfer's state. Neither is believed.
func TestAWordOfFailureBesideATransferIsNoSuccess(t *testing.T) {
	for members, success := range map[string]bool{
		`"success":false`: false, `"statusCode":400`: false, `"statusCode":"503"`: false, `"error":"boom happened"`: false, `"error":"Nope"`: false,
		`"error":{"code":1}`: false, `"errors":["x"]`: false, `"status":400,"desc":"insufficient balance"`: false, `"status":"400"`: false,
		`"status":500`: false, `"status":"error"`: false, `"status":"failed"`: false, `"desc":"insufficient balance"`: false,
		`"message":"Insufficient funds"`: false, `"result":"insufficient balance"`: false,

		`"success":true,"statusCode":201,"error":null,"errors":[]`: true, `"status":200,"desc":"ok"`: true, `"status":"TransferStarted"`: true,
		`"error":"","status":true,"message":"Transfer accepted"`: true, `"error":false`: true, `"status":false`: true,
		`"message":"\u0049nsufficient funds"`: false,
	} {
		body := `{"transferId":"t-1","transferStatus":"TransferStarted","transferAddress":"0x1111111111111111111111111111111111111111",` + members + `}`
		client := newClient(t, newScript(respond(200, body)), func(c *kotani.Config) { c.MaxAttempts = 1 })
		for i, call := range []func(context.Context, kotani.TransferParams) (*kotani.Transfer, error){client.FiatConnect.TransferIn, client.FiatConnect.TransferOut} {
			_, err := call(t.Context(), begun)
			if success {
				assert.NoError(t, err, "%s %d", members, i)
			} else {
				assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "%s %d", members, i)
			}
		}
	}
}
