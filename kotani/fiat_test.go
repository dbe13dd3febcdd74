package kotani_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

var (
	isTaken     = respond(200, `{"id":7,"phoneNumber":"254722222222","message":"Withdrawal request received","amount":"20","externalId":"order-1"}`)
	isPending   = respond(200, `{"result":{"requestId":"7","externalId":"order-1","transactionType":"Payouts","status":"PENDING","amount":"20.00","currency":"KES"}}`)
	isFailed    = respond(200, `{"result":{"requestId":"7","externalId":"order-1","transactionType":"Payouts","status":"FAILED","amount":"20.00","currency":"KES"}}`)
	isAbsent    = respond(200, `{"status":400,"desc":"transaction not found"}`)
	isDuplicate = respond(200, `{"status":400,"desc":"externalId already exists"}`)
	isPoor      = respond(200, `{"status":400,"desc":"insufficient balance"}`)
	isGarbled   = respond(200, `{"id":`)
)

func TestAnUnknownOutcomeIsSettledByTheExternalID(t *testing.T) {
	for name, tc := range map[string]struct {
		steps    []step
		sent     string
		outcome  string // empty: a transaction came back
		sentinel error
		took     time.Duration // -1: not exact
	}{
		"a response":                        {[]step{isTaken}, "momo", "", nil, 0},
		"dropped, found":                    {[]step{nil, isPending}, "momo status", "", nil, 0},
		"a proxy's page, found":             {[]step{gateway, isPending}, "momo status", "", nil, 0},
		"garbled, found":                    {[]step{isGarbled, isPending}, "momo status", "", nil, 0},
		"a proxy's 429, found":              {[]step{respond(429, "<html>slow down"), isPending}, "momo status", "", nil, 0},
		"dropped, shown a second later":     {[]step{nil, isAbsent, isPending}, "momo status status", "", nil, time.Second},
		"dropped, absent, never sent again": {[]step{nil, isAbsent}, "momo status status status", "unknown", nil, 3 * time.Second},
		"a duplicate, found":                {[]step{isDuplicate, isPending}, "momo status", "", nil, 0},
		"a duplicate, shown late":           {[]step{isDuplicate, isAbsent, isPending}, "momo status status", "", nil, time.Second},
		"a duplicate, never shown":          {[]step{isDuplicate, isAbsent}, "momo status status status", "unknown", sdk.ErrDuplicate, 3 * time.Second},
		"a duplicate of another amount": {[]step{isDuplicate, respond(200, `{"result":{"externalId":"order-1","status":"SUCCESSFUL","amount":"21"}}`)},
			"momo status", "unknown", sdk.ErrReferenceTaken, 0},
		"a token refused, absent, sent again":       {[]step{respond(403, "Forbidden"), isAbsent, isAbsent, isAbsent, isTaken}, "momo status status status momo", "", nil, 3 * time.Second},
		"a token refused, made already":             {[]step{respond(403, "Forbidden"), isPending}, "momo status", "", nil, 0},
		"a token refused, then a duplicate":         {[]step{respond(401, "Unauthorized"), isAbsent, isAbsent, isAbsent, isDuplicate, isPending}, "momo status status status momo status", "", nil, 3 * time.Second},
		"a token refused, then lost":                {[]step{respond(403, "Forbidden"), isAbsent, isAbsent, isAbsent, nil, isPending}, "momo status status status momo status", "", nil, 3 * time.Second},
		"a token refused, cannot look":              {[]step{respond(403, "Forbidden"), respond(404, "Cannot GET /")}, "momo status", "rejected", sdk.ErrUnauthorized, 0},
		"a token refused by nobody":                 {[]step{respond(403, ""), isAbsent}, "momo status status status", "unknown", sdk.ErrForbidden, 3 * time.Second},
		"a throttle":                                {[]step{respond(429, "Too Many Requests", "Retry-After", "7"), isAbsent}, "momo status", "rejected", sdk.ErrRateLimited, 0},
		"a throttle, made already":                  {[]step{respond(429, "Too Many Requests", "Retry-After", "7"), isPending}, "momo status", "", nil, 0},
		"a response about another amount, found":    {[]step{respond(200, `{"id":7,"amount":"21","externalId":"order-1"}`), isPending}, "momo status", "", nil, 0},
		"a response about another reference, found": {[]step{respond(200, `{"id":7,"amount":"20","externalId":"order-2"}`), isPending}, "momo status", "", nil, 0},
		"a response without a reference, found":     {[]step{respond(200, `{"id":7,"amount":"20"}`), isPending}, "momo status", "", nil, 0},
		"refused":                                   {[]step{isPoor, isAbsent}, "momo status", "rejected", sdk.ErrInsufficientFunds, 0},
		"refused, made already":                     {[]step{isPoor, isPending}, "momo status", "", nil, 0},
		"refused, and it failed":                    {[]step{isPoor, isFailed}, "momo status", "rejected", sdk.ErrInsufficientFunds, 0},
		"a throttle, the amount with its currency": {[]step{respond(429, "Too Many Requests"), respond(200, `{"result":{"requestId":"7","externalId":"order-1","status":"SUCCESSFUL","amount":"KES 20"}}`)},
			"momo status", "unknown", sdk.ErrRateLimited, 0},
		"a throttle, a part of the phone number": {[]step{respond(429, "Too Many Requests"), respond(200, `{"result":{"requestId":"7","externalId":"order-1","status":"SUCCESSFUL","amount":"20","phoneNumber":"2547"}}`)},
			"momo status", "unknown", sdk.ErrRateLimited, 0},
		"a throttle, made without a status": {[]step{respond(429, "Too Many Requests"), respond(200, `{"result":{"externalId":"order-1","amount":"20"}}`)},
			"momo status status status status", "unknown", sdk.ErrRateLimited, -1},
		"a throttle, another without a status": {[]step{respond(429, "Too Many Requests"), respond(200, `{"result":{"externalId":"order-2","amount":"20"}}`)},
			"momo status status status status", "rejected", sdk.ErrRateLimited, -1},
		"a throttle, a token refused to a look that cannot compare": {[]step{respond(403, "Forbidden"), respond(200, `{"result":{"requestId":"7","externalId":"order-1","status":"SUCCESSFUL","amount":"KES 20"}}`)},
			"momo status", "unknown", sdk.ErrUnauthorized, 0},
		"no money, and cannot look":           {[]step{isPoor, respond(404, "Cannot GET /")}, "momo status", "unknown", sdk.ErrInsufficientFunds, 0},
		"no money, and the look is throttled": {[]step{isPoor, respond(429, "Too Many Requests")}, "momo status status status status", "unknown", sdk.ErrInsufficientFunds, -1},
		"a wrong path is not absence": {[]step{nil, respond(404, `<pre>Cannot GET /api_v2/transactions/status/external/order-1</pre>`)},
			"momo status", "unknown", nil, 0},
		"a wrong path in JSON is not absence": {[]step{nil, respond(404, `{"statusCode":404,"message":"Cannot GET /transactions/status/external/order-1","error":"Not Found"}`)},
			"momo status", "unknown", nil, 0},
		"a wrong path in a 200 is not absence": {[]step{nil, respond(200, `{"status":404,"desc":"/transactions/status not found"}`)},
			"momo status", "unknown", nil, 0},
		"not found without a status is not absence": {[]step{nil, respond(404, `{"message":"Transaction not found"}`)}, "momo status", "unknown", nil, 0},
		"an unknown user is not absence":            {[]step{nil, respond(200, `{"status":400,"desc":"user not found"}`)}, "momo status", "unknown", nil, 0},
		"an empty response is not absence":          {[]step{nil, respond(200, `{"result":{}}`)}, "momo status status status status", "unknown", nil, -1},
		"another transaction is not this": {[]step{nil, respond(200, `{"result":{"externalId":"order-2","status":"SUCCESSFUL"}}`)},
			"momo status status status status", "unknown", nil, -1},
		"another amount is not this": {[]step{nil, respond(200, `{"result":{"externalId":"order-1","status":"SUCCESSFUL","amount":"21"}}`)},
			"momo status", "unknown", nil, 0},
		"an amount with separators tells nothing": {[]step{nil, respond(200, `{"result":{"externalId":"order-1","status":"SUCCESSFUL","amount":"20,000"}}`)},
			"momo status", "unknown", nil, 0},
		"an amount with its currency tells nothing": {[]step{nil, respond(200, `{"result":{"externalId":"order-1","status":"SUCCESSFUL","amount":"KES 20"}}`)},
			"momo status", "unknown", nil, 0},
		"a bank withdrawal is not this": {[]step{nil, respond(200, `{"result":{"externalId":"order-1","status":"SUCCESSFUL","amount":"20","accountNumber":"0123456789"}}`)},
			"momo status", "unknown", sdk.ErrReferenceTaken, 0},
		"a deposit is not this": {[]step{nil, respond(200, `{"result":{"externalId":"order-1","status":"SUCCESSFUL","amount":"20","transactionType":"Collections"}}`)},
			"momo status status status status", "unknown", nil, -1},
		"a response that names nothing": {[]step{nil, respond(200, `{"result":{"status":"SUCCESSFUL","amount":"20"}}`)},
			"momo status status status status", "unknown", nil, -1},
		"another recipient is not this": {[]step{nil, respond(200, `{"result":{"externalId":"order-1","status":"SUCCESSFUL","amount":"20","phoneNumber":"254733333333"}}`)},
			"momo status", "unknown", nil, 0},
		"the recipient in national form": {[]step{nil, respond(200, `{"result":{"requestId":"7","status":"PENDING","amount":"20","phoneNumber":"0722222222"}}`)}, "momo status", "", nil, 0},
		"the recipient with a plus":      {[]step{nil, respond(200, `{"result":{"requestId":"7","status":"PENDING","amount":"20","phoneNumber":"+254 722 222222"}}`)}, "momo status", "", nil, 0},
		"a masked recipient":             {[]step{nil, respond(200, `{"result":{"requestId":"7","status":"PENDING","amount":"20","phoneNumber":"2547xxxxx222"}}`)}, "momo status", "", nil, 0},
		"a question that is refused":     {[]step{nil, respond(200, `{"status":401,"desc":"not allowed"}`)}, "momo status", "unknown", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(tc.steps...)
				start := time.Now()
				got, err := newClient(t, s).Fiat.Withdraw(t.Context(), validWithdraw)
				assert.Equal(t, tc.sent, s.actions())
				if tc.took >= 0 {
					assert.Equal(t, tc.took, time.Since(start))
				}
				if tc.outcome == "" {
					require.NoError(t, err)
					assert.Equal(t, "7", got.RequestID)
					wantMoney(t, "20", got.Amount.Decimal)
					return
				}
				assert.Nil(t, got)
				e := failure(t, err)
				assert.Equal(t, tc.outcome, e.Outcome.String())
				assert.Equal(t, "order-1", e.Reference)
				assert.NotErrorIs(t, err, sdk.ErrNotSent)
				if tc.outcome == "unknown" {
					assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
					assert.NotErrorIs(t, err, sdk.ErrRejected)
				}
				if tc.sentinel != nil {
					assert.ErrorIs(t, err, tc.sentinel)
				}
			})
		})
	}
}

func TestTheLookupAsksForTheRightKind(t *testing.T) {
	for name, tc := range map[string]struct {
		call func(context.Context, *kotani.Client) (*kotani.Transaction, error)
		kind string
	}{
		"deposit": {func(ctx context.Context, c *kotani.Client) (*kotani.Transaction, error) {
			return c.Fiat.Deposit(ctx, validDeposit)
		}, "Collections"},
		"quoted deposit": {func(ctx context.Context, c *kotani.Client) (*kotani.Transaction, error) {
			return c.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: "q", PhoneNumber: "254712345678", ExternalID: "order-1"})
		}, "Collections"},
		"withdrawal": {func(ctx context.Context, c *kotani.Client) (*kotani.Transaction, error) {
			return c.Fiat.Withdraw(ctx, validWithdraw)
		}, "Payouts"},
		"bank withdrawal": {func(ctx context.Context, c *kotani.Client) (*kotani.Transaction, error) {
			return c.Fiat.WithdrawToBank(ctx, validBank)
		}, "Payouts"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(nil, respond(200, `{"result":{"externalId":"order-1","status":"PENDING"}}`))
			got, err := tc.call(t.Context(), newClient(t, s))
			require.NoError(t, err)
			assert.Equal(t, kotani.StatusPending, got.Status)
			assert.False(t, got.Existing, "an attempt of this call may have made it")
			assert.True(t, got.Unverified, "no amount is shown")
			require.Len(t, s.requests(), 2)
			assert.Equal(t, "/api_v2/transactions/status/external/order-1", s.requests()[1].Path)
			assert.Equal(t, "transactionalType="+tc.kind, s.requests()[1].Query)
		})
	}
}

func TestAnotherBankAccountIsNotThePayout(t *testing.T) {
	for number, found := range map[string]bool{
		`"0123456789"`: true, `123456789`: true, `""`: true, `"xxxxxx6789"`: true, `"0123456780"`: false, `"9123456789"`: false,
	} {
		s := newScript(nil, respond(200, `{"result":{"externalId":"order-1","status":"PENDING","amount":"20","accountNumber":`+number+`}}`))
		_, err := newClient(t, s).Fiat.WithdrawToBank(t.Context(), validBank)
		if found {
			assert.NoError(t, err, number)
		} else {
			assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, number)
		}
	}
}

func TestTheSecondRequestIsTheFirstOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(respond(403, "Forbidden"), isAbsent, isAbsent, isAbsent, isTaken)
		_, err := newClient(t, s).Fiat.Withdraw(t.Context(), validWithdraw)
		require.NoError(t, err)
		require.Len(t, s.requests(), 5)
		assert.Equal(t, s.requests()[0].Body, s.requests()[4].Body)
	})
}

func TestADeadlineTooNearForTheGraceLeavesTheOutcomeUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(nil, isAbsent)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := newClient(t, s).Fiat.Withdraw(ctx, validWithdraw)
		require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.Equal(t, "momo status status", s.actions(), "never sent again without having waited")
	})
}

func TestAMovementWithoutExternalIDHasToBeAskedFor(t *testing.T) {
	s := newScript(nil)
	client := newClient(t, s)
	p := validWithdraw
	p.ExternalID = ""
	_, err := client.Fiat.Withdraw(t.Context(), p)
	require.ErrorIs(t, err, sdk.ErrValidation)
	require.ErrorIs(t, err, sdk.ErrNotSent)
	assert.Contains(t, failure(t, err).Fields, "externalId")
	assert.Empty(t, s.requests())

	p.AllowNoExternalID = true
	_, err = client.Fiat.Withdraw(t.Context(), p)
	require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
	assert.Equal(t, "momo", s.actions(), "nothing to look up, nothing sent twice")
	assert.NotContains(t, s.requests()[0].Body, "externalId")

	p.ExternalID = "order-1"
	_, err = client.Fiat.Withdraw(t.Context(), p)
	assert.ErrorIs(t, err, sdk.ErrValidation, "with or without: not both")
	assert.Len(t, s.requests(), 1)
}

func TestAHashIsPresentedOnce(t *testing.T) {
	paid := respond(200, `{"status":201,"desc":"done","cusdDetails":{"value":"1.5 CUSD"}}`)
	processed := respond(200, `{"status":400,"desc":"Transaction Hash is already processed"}`)
	other := `"0x2222222222222222222222222222222222222222222222222222222222222222"`
	for name, tc := range map[string]struct {
		step    step
		outcome string
		is      error
	}{
		"a response":                  {paid, "", nil},
		"lost":                        {nil, "unknown", nil},
		"a page":                      {gateway, "unknown", nil},
		"a used hash":                 {processed, "unknown", sdk.ErrDuplicate},
		"refused":                     {respond(200, `{"status":400,"desc":"Not enough fiat balance to fulfill the request"}`), "rejected", sdk.ErrInsufficientFunds},
		"another hash at the top":     {respond(200, `{"status":201,"txhash":`+other+`,"cusdDetails":{}}`), "unknown", nil},
		"another hash in the details": {respond(200, `{"status":201,"cusdDetails":{"txHash":`+other+`}}`), "unknown", nil},
		"another recipient":           {respond(200, `{"status":201,"cusdDetails":{"phoneNumber":"254799999999"}}`), "unknown", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(tc.step)
				start := time.Now()
				got, err := newClient(t, s).Celo.SendToMpesa(t.Context(), validMpesa)
				assert.Len(t, s.requests(), 1)
				assert.Zero(t, time.Since(start))
				if tc.outcome == "" {
					require.NoError(t, err)
					assert.Equal(t, "1.5 CUSD", got.Value)
					return
				}
				assert.Nil(t, got)
				e := failure(t, err)
				assert.Equal(t, tc.outcome, e.Outcome.String())
				assert.Equal(t, hash, e.Reference)
				if tc.is != nil {
					assert.ErrorIs(t, err, tc.is)
				}
			})
		})
	}
}

// Writes of class once are sent a single time, whatever is lost.
func TestOtherPaymentsAreNeverRepeated(t *testing.T) {
	for _, method := range []string{"Celo.Buy", "Celo.SendToMpesa", "Fiat.PayBill", "Fiat.PayTill", "Stellar.CashOut", "Tron.CashOut", "Tron.CashIn", "UBI.Claim",
		"Quotes.AcceptIn", "Quotes.AcceptOut", "Binance.CreateOrder", "Binance.CloseOrder", "KYC.CreateUser", "KYC.UpdateUser", "UBI.SetBeneficiary",
		"FiatConnect.AddKYC", "FiatConnect.DeleteKYC", "FiatConnect.AddAccount", "FiatConnect.DeleteAccount", "FiatConnect.CreateCredentials"} {
		for name, lost := range map[string]step{"dropped": nil, "a page": gateway, "500": respond(500, ``), "garbled": isGarbled} {
			if name == "garbled" && (method == "FiatConnect.DeleteKYC" || method == "FiatConnect.DeleteAccount") {
				continue // the body of a deletion says nothing
			}
			t.Run(method+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScript(lost)
					err := wireCalls[method].call(t.Context(), newClient(t, s))
					assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
					assert.Len(t, s.requests(), 1)
				})
			})
		}
	}
}

func TestWaitEndsWithAFinalState(t *testing.T) {
	state := func(status string) step {
		return respond(200, `{"result":{"requestId":"7","externalId":"order-1","status":"`+status+`"}}`)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newScript(state("PENDING"), gateway, gateway, gateway, gateway, state("processing"), state("Successful"))
		got, err := newClient(t, s).Fiat.Wait(t.Context(), "order-1", kotani.Payouts)
		require.NoError(t, err)
		assert.True(t, got.Status.Succeeded())
		assert.Len(t, s.requests(), 7)

		s = newScript(state("PENDING"), state("FAILED"))
		got, err = newClient(t, s).Fiat.WaitRequest(t.Context(), "7")
		require.NoError(t, err, "a failed transaction is no error")
		assert.Equal(t, kotani.StatusFailed, got.Status)

		_, err = newClient(t, newScript(isAbsent)).Fiat.Wait(t.Context(), "order-1", kotani.Payouts)
		assert.ErrorIs(t, err, sdk.ErrNotFound)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got, err = newClient(t, newScript(state("SOMETHING_NEW"))).Fiat.Wait(ctx, "order-1", kotani.Payouts)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, kotani.TransactionStatus("SOMETHING_NEW"), got.Status, "the last state comes along")
	})
}

func TestStatesOfTransactions(t *testing.T) {
	for status, want := range map[kotani.TransactionStatus][2]bool{ // final, succeeded
		"SUCCESSFUL": {true, true}, "successful": {true, true}, "Success": {true, true}, "completed": {true, true},
		"FAILED": {true, false}, "CANCELLED": {true, false}, "EXPIRED": {true, false}, "DECLINED": {true, false},
		"PERMANENTLY_FAILED": {true, false}, "REVERSED": {true, false},
		"PENDING": {}, "INITIATED": {}, "IN_PROGRESS": {}, "PROCESSING": {}, "RETRY": {}, "TRANSACTION_INITIATED": {},
		"DUPLICATE": {}, "ERROR_OCCURRED": {}, "REQUIRE_REVIEW": {}, "REFUNDED": {}, "NEW_ONE": {}, "": {},
	} {
		assert.Equal(t, want, [2]bool{status.Final(), status.Succeeded()}, status)
	}
}

func TestTransactionsInAnyListAreRead(t *testing.T) {
	row := `{"requestId":"7","status":"PENDING","amount":20.5,"phoneNumber":254712345678,"createdAt":"2026-04-03T09:00:00Z"}`
	for _, body := range []string{`[` + row + `]`, `{"result":[` + row + `]}`, `{"data":[` + row + `]}`, `{"transactions":[` + row + `]}`} {
		list, err := newClient(t, newScript(respond(200, body))).Fiat.List(t.Context(), kotani.TransactionListOptions{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		got := list.Items[0]
		wantMoney(t, "20.5", got.Amount.Decimal)
		assert.Equal(t, "254712345678", got.PhoneNumber)
		assert.Equal(t, row, string(got.Raw))
		assert.Equal(t, 2026, got.CreatedAt.Year())
	}
	list, err := newClient(t, newScript(respond(200, `{"result":[]}`))).Fiat.List(t.Context(), kotani.TransactionListOptions{})
	require.NoError(t, err)
	assert.NotNil(t, list.Items)
	assert.Empty(t, list.Items)
	_, err = newClient(t, newScript(respond(200, `{}`))).Fiat.List(t.Context(), kotani.TransactionListOptions{Limit: -1})
	assert.ErrorIs(t, err, sdk.ErrValidation)
}

func TestAmountsGoOutAsTheOperationWantsThem(t *testing.T) {
	s := newScript(respond(200, `{"id":7,"amount":"2000","externalId":"order-1"}`))
	client := newClient(t, s)
	p := validWithdraw
	p.Amount = decimal.RequireFromString("2000.00")
	_, err := client.Fiat.Withdraw(t.Context(), p)
	require.NoError(t, err)
	assert.Contains(t, s.requests()[0].Body, `"amount":2000,`)

	s = newScript(respond(200, `{"result":{"requestId":"7"}}`))
	client = newClient(t, s)
	_, err = client.Fiat.PayTill(t.Context(), kotani.PayTillParams{TillNumber: "1", Amount: decimal.RequireFromString("0.50")})
	require.NoError(t, err)
	_, err = client.Quotes.Out(t.Context(), kotani.QuoteParams{Amount: decimal.RequireFromString("1e3"), Currency: "KES", CryptoType: "cUSD"})
	require.NoError(t, err)
	assert.Contains(t, s.requests()[0].Body, `"amount":"0.5"`)
	assert.Contains(t, s.requests()[1].Body, `"cryptoAmount":"1000"`)
}

func TestCallbackURLsAreMadeForMovementsWithoutOne(t *testing.T) {
	s := newScript(isTaken)
	var broken error
	client := newClient(t, s, func(c *kotani.Config) {
		c.CallbackURL = func(externalID string, amount decimal.Decimal, currency string) (string, error) {
			return "https://merchant.example/" + externalID + "/" + amount.String() + currency, broken
		}
	})
	p := validWithdraw
	_, err := client.Fiat.Withdraw(t.Context(), p)
	require.NoError(t, err)
	p.CallbackURL = ""
	_, err = client.Fiat.Withdraw(t.Context(), p)
	require.NoError(t, err)
	p.ExternalID, p.AllowNoExternalID = "", true
	_, err = client.Fiat.Withdraw(t.Context(), p)
	require.NoError(t, err)
	seen := s.requests()
	assert.Contains(t, seen[0].Body, `"callback":"https://merchant.example/kotani"`)
	assert.Contains(t, seen[1].Body, `"callback":"https://merchant.example/order-1/20"`)
	assert.NotContains(t, seen[2].Body, "callback", "there is nothing to make it from")

	quoted := kotani.QuotedDepositParams{AcceptedQuoteID: "q", PhoneNumber: customer, ExternalID: "order-2", AllowNoExternalID: false}
	_, err = client.Fiat.DepositQuoted(t.Context(), quoted)
	require.Error(t, err, "the response is another movement's")
	quoted.Amount = decimal.RequireFromString("1300.5")
	_, err = client.Fiat.DepositQuoted(t.Context(), quoted)
	require.Error(t, err)
	var made []string
	for _, r := range s.requests()[3:] {
		if strings.HasSuffix(r.Path, "/quote") {
			made = append(made, r.Body)
		}
	}
	require.Len(t, made, 2)
	assert.NotContains(t, made[0], "callback")
	assert.Contains(t, made[1], `"callback":"https://merchant.example/order-2/1300.5"`)
	assert.NotContains(t, made[1], "amount", "the quote names it")
	sent := len(s.requests())

	broken = errors.New("planted")
	p.ExternalID, p.AllowNoExternalID = "order-1", false
	_, err = client.Fiat.Withdraw(t.Context(), p)
	require.ErrorIs(t, err, sdk.ErrNotSent)
	assert.Contains(t, failure(t, err).Fields, "callback")
	assert.NotContains(t, err.Error(), "planted")
	assert.Len(t, s.requests(), sent)
}

func TestADuplicateOfARawCallSettlesNothing(t *testing.T) {
	raw := sdk.RawCall{Method: "POST", Path: "/transactions/new", Body: map[string]string{"externalId": "b"}}
	_, err := newClient(t, newScript(isDuplicate)).Do(t.Context(), raw)
	require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
	require.ErrorIs(t, err, sdk.ErrDuplicate)
	raw.ReadOnly = true
	_, err = newClient(t, newScript(isDuplicate)).Do(t.Context(), raw)
	require.ErrorIs(t, err, sdk.ErrRejected)
}

// Every operation whose documented response is {"result":{}} may answer with a flat
// object, which must name what it is about.
func TestFlatResponsesAreReadLikeWrappedOnes(t *testing.T) {
	for method, flat := range map[string][]string{
		"Fiat.Deposit":        {`{"id":"x-7","externalId":"order-1"}`, `{"requestId":7,"externalId":"order-1","status":"PENDING"}`},
		"Fiat.DepositQuoted":  {`{"id":"x-7","externalId":"order-1"}`, `{"requestId":"7","externalId":"order-1","amount":"1300"}`},
		"Fiat.PayBill":        {`{"id":"x-7"}`, `{"id":"x-7","amount":"20"}`, `{"requestId":"7","fee":"1"}`},
		"Fiat.PayTill":        {`{"id":"x-7"}`, `{"id":"x-7","amount":"20"}`, `{"requestId":"7","merchantTill":"12345"}`},
		"Fiat.Get":            {`{"id":"r/1","status":"PENDING"}`, `{"requestId":"r/1","status":"SUCCESSFUL"}`},
		"Fiat.Find":           {`{"id":"7","externalId":"order-1","status":"PENDING"}`, `{"externalId":"order-1","status":"FAILED"}`},
		"Stellar.CashOut":     {`{"id":"x-7","txHash":"` + hash[2:] + `"}`, `{"requestId":"7","txhash":"` + hash + `"}`},
		"Tron.CashOut":        {`{"id":"x-7","txHash":"` + hash[2:] + `"}`, `{"requestId":"7","txhash":"` + hash + `"}`},
		"Tron.CashIn":         {`{"id":"x-7","externalId":"order-1"}`, `{"requestId":"7","externalId":"order-1"}`},
		"Binance.CreateOrder": {`{"id":"p-1"}`, `{"prepayId":"p-1","checkoutLink":"https://pay.example"}`, `{"prepayId":1,"status":"INITIAL"}`},
		"Binance.CloseOrder":  {`{"id":"p-1"}`, `{"prepayId":"p-1","status":"CLOSED"}`},
		"Binance.GetOrder":    {`{"id":"p-1"}`, `{"prepayId":"p-1","status":"PAID","requestId":"7"}`},
	} {
		for _, body := range flat {
			for _, body := range []string{body, `{"result":` + body + `}`} {
				err := wireCalls[method].call(t.Context(), newClient(t, newScript(respond(200, body)), func(c *kotani.Config) { c.MaxAttempts = 1 }))
				assert.NoError(t, err, "%s: %s", method, body)
			}
		}
		for _, body := range []string{`{}`, `{"message":"ok"}`, `{"amount":"20"}`} {
			synctest.Test(t, func(t *testing.T) {
				err := wireCalls[method].call(t.Context(), newClient(t, newScript(respond(200, body)), func(c *kotani.Config) { c.MaxAttempts = 1 }))
				assert.Error(t, err, "%s: %s", method, body)
			})
		}
	}
}

// Only an end without money lets a refusal stand. What is no end may be paid later.
func TestARefusalStandsBesideAFailedTransactionAlone(t *testing.T) {
	failed := []kotani.TransactionStatus{
		kotani.StatusFailed, kotani.StatusCancelled, kotani.StatusExpired, kotani.StatusDeclined, kotani.StatusPermanentlyFailed, "failed",
	}
	there := []kotani.TransactionStatus{
		kotani.StatusSuccessful, kotani.StatusSuccess, kotani.StatusCompleted, kotani.StatusReversed,
		kotani.StatusPending, kotani.StatusInitiated, kotani.StatusInProgress, kotani.StatusProcessing, kotani.StatusRetry,
		kotani.StatusTransactionInitiated, kotani.StatusDuplicate, kotani.StatusErrorOccurred, kotani.StatusRequireReview,
		kotani.StatusNotInitiated, kotani.StatusCryptoPending, kotani.StatusCryptoReceived, kotani.StatusRefundPending,
		kotani.StatusRefunded, kotani.StatusRefundFailed, "not_initiated", "NOBODY_KNOWS",
	}
	for i, status := range append(there, failed...) {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(isPoor, respond(200, `{"result":{"requestId":"7","externalId":"order-1","transactionType":"Payouts","status":"`+string(status)+`","amount":"20.00"}}`))
			got, err := newClient(t, s).Fiat.Withdraw(t.Context(), validWithdraw)
			if i >= len(there) {
				assert.ErrorIs(t, err, sdk.ErrRejected, status)
				assert.ErrorIs(t, err, sdk.ErrInsufficientFunds, status)
				return
			}
			require.NoError(t, err, status)
			assert.Equal(t, status, got.Status)
			assert.True(t, got.Existing, status)
		})
	}
}
