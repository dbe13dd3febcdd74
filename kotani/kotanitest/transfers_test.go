package kotanitest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestTransfersGoTheirWay(t *testing.T) {
	t.Parallel()
	in := []string{"TransferStarted", "TransferWaitingForUserAction", "TransferReceivedFiatFunds", "TransferSendingCryptoFunds", "TransferComplete"}
	debit := []string{"TransferStarted", "TransferFiatFundsDebited", "TransferReceivedFiatFunds", "TransferSendingCryptoFunds", "TransferComplete"}
	out := []string{"TransferStarted", "TransferReadyForUserToSendCryptoFunds", "TransferReceivedCryptoFunds", "TransferComplete"}
	for _, tc := range []struct {
		way, digits string
		cfg         kotanitest.FiatConnectConfig
		states      []string
	}{
		{"in", "5678", kotanitest.FiatConnectConfig{}, in},
		{"in", "5678", kotanitest.FiatConnectConfig{ProviderInitiated: true}, debit},
		{"out", "5678", kotanitest.FiatConnectConfig{}, out},
		{"in", "0001", kotanitest.FiatConnectConfig{}, append(in[:2:2], "TransferFailed")},
		{"in", "0002", kotanitest.FiatConnectConfig{}, append(in[:3:3], "TransferFailed")},
		{"in", "0003", kotanitest.FiatConnectConfig{}, in[:2]},
		{"out", "0001", kotanitest.FiatConnectConfig{}, append(out[:3:3], "TransferFailed")},
		{"out", "0002", kotanitest.FiatConnectConfig{}, []string{"TransferStarted", "TransferAmlFailed"}},
		{"out", "0003", kotanitest.FiatConnectConfig{}, out[:2]},
		{"out", "5678", kotanitest.FiatConnectConfig{ManualTransfers: true}, out[:1]},
	} {
		t.Run(tc.way+tc.digits, func(t *testing.T) {
			t.Parallel()
			w := newWallet(t, tc.cfg)
			client := w.withWebhooks()
			status, made := w.transfer(tc.way, "k", w.ready(tc.way, mobile.with("mobile", "+25471234"+tc.digits)))
			w.want(200, "", status, made)
			assert.Regexp(t, "^0x[0-9a-fA-F]{40}$", made["transferAddress"])
			id := made["transferId"].(string)
			for i, want := range tc.states {
				if i > 0 {
					w.Advance(5*time.Second - 1)
					assert.Equal(t, tc.states[i-1], w.status(id)["status"])
					w.Advance(1)
				}
				s := w.status(id)
				assert.Equal(t, want, s["status"])
				assert.Equal(t, made["userActionDetails"], s["userActionDetails"])
				sent := tc.way == "in" && (want == "TransferSendingCryptoFunds" || want == "TransferComplete")
				assert.Equal(t, sent, s["txHash"] != nil, want)
				assert.Equal(t, tc.way == "in" && !tc.cfg.ProviderInitiated, s["userActionDetails"] != nil)
			}
			last := w.status(id)
			w.Advance(time.Hour)
			assert.Equal(t, last, w.status(id), "it stays so")

			var heard []string
			for _, h := range w.inbox.all()[1:] { // the first is about KYC
				wantSigned(t, h, client.WebhookSecret)
				payload := h.body["payload"].(map[string]any)
				heard = append(heard, payload["status"].(string))
				assert.Equal(t, alice, h.body["address"])
				assert.NotEmpty(t, h.body["provider"])
				event := map[string]string{"in": "WebhookTransferInStatusEvent", "out": "WebhookTransferOutStatusEvent"}[tc.way]
				assert.Equal(t, event, h.body["eventType"])
				if tc.way == "out" {
					assert.NotContains(t, payload, "txHash")
					assert.NotContains(t, payload, "userActionDetails")
				}
			}
			assert.Equal(t, tc.states, heard, "every state once, in order")
		})
	}
}

func wantSigned(t *testing.T, h webhook, secret string) {
	t.Helper()
	head, sig, ok := strings.Cut(h.signature, ",v1=")
	at, found := strings.CutPrefix(head, "t=")
	require.True(t, ok && found, h.signature)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s", at, h.text)
	assert.Equal(t, hex.EncodeToString(mac.Sum(nil)), sig)
}

func TestTransferStatusShowsTheQuote(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	body := w.ready("in", mobile)
	_, in := w.transfer("in", "1", body)
	_, out := w.transfer("out", "2", body.with("quoteId", w.quote("out")))
	for id, want := range map[string]object{
		in["transferId"].(string):  {"transferType": "TransferIn", "amountProvided": "1300", "amountReceived": "9.9", "fee": "13"},
		out["transferId"].(string): {"transferType": "TransferOut", "amountProvided": "10", "amountReceived": "1287", "fee": "0.1"},
	} {
		s := w.status(id)
		for name, v := range want {
			assert.Equal(t, v, s[name], name)
		}
		assert.Equal(t, "KES", s["fiatType"])
		assert.Equal(t, "cUSD", s["cryptoType"])
		assert.Equal(t, body["fiatAccountId"], s["fiatAccountId"])
		assert.Equal(t, id, s["transferId"])
		status, response := w.as(bob).call("GET", "/transfer/"+id+"/status", nil)
		w.want(404, "ResourceNotFound", status, response)
	}
	assert.NotContains(t, out, "userActionDetails")
	assert.Len(t, w.Transfers(), 2)
	status, response := w.call("GET", "/transfer/none/status", nil)
	w.want(404, "ResourceNotFound", status, response)
}

func TestTransfersAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		code   string
		do     func(w *wallet, body object) (int, object)
	}{
		"unknown account": {404, "ResourceNotFound", func(w *wallet, b object) (int, object) { return w.transfer("in", "k", b.with("fiatAccountId", "x")) }},
		"another's account": {404, "ResourceNotFound", func(w *wallet, b object) (int, object) {
			return w.transfer("in", "k", b.with("fiatAccountId", w.as(bob).addAccount(mobile)))
		}},
		"deleted account": {404, "ResourceNotFound", func(w *wallet, b object) (int, object) {
			w.call("DELETE", "/accounts/"+b["fiatAccountId"].(string), nil)
			return w.transfer("in", "k", b)
		}},
		"unknown quote": {400, "InvalidQuote", func(w *wallet, b object) (int, object) { return w.transfer("in", "k", b.with("quoteId", "x")) }},
		"another's quote": {400, "InvalidQuote", func(w *wallet, b object) (int, object) {
			return w.transfer("in", "k", b.with("quoteId", w.as(bob).quote("in")))
		}},
		"wrong way": {400, "InvalidQuote", func(w *wallet, b object) (int, object) { return w.transfer("out", "k", b) }},
		"expired quote": {400, "InvalidQuote", func(w *wallet, b object) (int, object) {
			w.Advance(15 * time.Minute)
			return w.transfer("in", "k", b)
		}},
		"account of another country": {400, "InvalidFiatAccount", func(w *wallet, b object) (int, object) {
			return w.transfer("in", "k", b.with("fiatAccountId", w.addAccount(mobile.with("country", "GH").with("mobile", "+233201234567"))))
		}},
		"no KYC": {400, "TransferNotAllowed", func(w *wallet, b object) (int, object) {
			w.call("DELETE", kycPath, nil)
			return w.transfer("in", "k", b)
		}},
		"denied": {400, "TransferNotAllowed", func(w *wallet, b object) (int, object) {
			assert.NoError(w.t, w.MoveKYC(alice, "PersonalDataAndDocuments", kotani.KYCDenied))
			return w.transfer("in", "k", b)
		}},
		"pending": {400, "TransferNotAllowed", func(w *wallet, b object) (int, object) {
			assert.NoError(w.t, w.MoveKYC(alice, "PersonalDataAndDocuments", kotani.KYCPending))
			return w.transfer("in", "k", b)
		}},
		"expired KYC": {400, "KycExpired", func(w *wallet, b object) (int, object) {
			assert.NoError(w.t, w.MoveKYC(alice, "PersonalDataAndDocuments", kotani.KYCExpired))
			return w.transfer("in", "k", b)
		}},
		"no key":    {400, "InvalidParameters", func(w *wallet, b object) (int, object) { return w.post("/transfer/in", b) }},
		"empty key": {400, "InvalidParameters", func(w *wallet, b object) (int, object) { return w.transfer("in", `""`, b) }},
		"no quote":  {400, "InvalidParameters", func(w *wallet, b object) (int, object) { return w.transfer("in", "k", b.with("quoteId", nil)) }},
		"no JSON":   {400, "InvalidParameters", func(w *wallet, _ object) (int, object) { return w.post("/transfer/in", "{", "Idempotency-Key", "k") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWallet(t, kotanitest.FiatConnectConfig{})
			status, response := tc.do(w, w.ready("in", mobile))
			w.want(tc.status, tc.code, status, response)
			assert.Empty(t, w.Transfers())
		})
	}
}

func TestAnyApprovedRecordIsEnough(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	body := w.ready("in", mobile)
	require.NoError(t, w.MoveKYC(alice, "PersonalDataAndDocumentsDetailed", kotani.KYCExpired))
	status, response := w.transfer("in", "k", body)
	w.want(200, "", status, response)
	free := newWallet(t, kotanitest.FiatConnectConfig{KYCNotRequired: true})
	status, response = free.transfer("in", "k", object{"fiatAccountId": free.addAccount(mobile), "quoteId": free.quote("in")})
	free.want(200, "", status, response)
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	body := w.ready("in", mobile)
	_, first := w.transfer("in", "key-1", body)
	w.Advance(time.Hour) // the quote has expired, the response stays
	for _, key := range []string{"key-1", `"key-1"`} {
		status, again := w.transfer("in", key, body)
		w.want(200, "", status, again)
		assert.Equal(t, first, again, "the status of then, the same user action")
	}
	status, response := w.transfer("in", "key-1", body.with("quoteId", "other"))
	w.want(422, "InvalidParameters", status, response)
	status, response = w.transfer("out", "key-1", body)
	w.want(422, "InvalidParameters", status, response)
	status, response = w.transfer("in", "key-2", body)
	w.want(400, "InvalidQuote", status, response)
	fresh := w.quote("in")
	status, response = w.transfer("in", "key-2", body)
	w.want(400, "InvalidQuote", status, response) // an error is answered again as well
	status, response = w.transfer("in", "key-3", body.with("quoteId", fresh))
	w.want(200, "", status, response)
	assert.Len(t, w.Transfers(), 2)

	b := w.as(bob)
	status, response = b.transfer("in", "key-1", b.ready("in", mobile))
	b.want(200, "", status, response) // keys are each user's own
}

// While the first webhook is on its way the response is not out: a repetition
// meets a request at work.
// A provider may forget a key: then the same request is a new one.
func TestAKeyIsRememberedForItsLifetime(t *testing.T) {
	t.Parallel()
	for _, life := range []time.Duration{0, time.Hour} {
		w := newWallet(t, kotanitest.FiatConnectConfig{ManualTransfers: true, Quirks: kotanitest.FiatConnectQuirks{KeyLifetime: life, QuoteLifetime: 100 * time.Hour}})
		body := w.ready("in", mobile)
		post := func() string {
			status, made := w.transfer("in", "k", body)
			w.want(200, "", status, made)
			return made["transferId"].(string)
		}
		first := post()
		w.Advance(time.Hour - 1)
		assert.Equal(t, first, post(), "within its life")
		w.Advance(1)
		again := post()
		assert.Equal(t, life == 0, again == first, "%s", life)
		assert.Equal(t, again, post(), "the new request has the key")
	}
}

func TestRepetitionOfARequestAtWork(t *testing.T) {
	t.Parallel()
	arrived, response := make(chan struct{}), make(chan struct{})
	f := kotanitest.NewServer(t, kotanitest.Config{
		FiatConnect: kotanitest.FiatConnectConfig{KYCNotRequired: true},
		Options: fake.Options{Callbacks: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			close(arrived)
			<-response
		})},
	})
	w := (&wallet{FiatConnect: f.FiatConnect, t: t, fake: f, nonces: new(int)}).as(alice)
	w.withWebhooks()
	body := object{"fiatAccountId": w.addAccount(mobile), "quoteId": w.quote("in")}
	done := make(chan int)
	go func() {
		status, _, err := w.try("POST", "/transfer/in", body, "Idempotency-Key", "k")
		assert.NoError(t, err)
		done <- status
	}()
	<-arrived
	status, refused := w.transfer("in", "k", body)
	w.want(409, "ResourceExists", status, refused)
	select {
	case <-done:
		t.Error("answered before its first webhook")
	default:
	}
	close(response)
	assert.Equal(t, 200, <-done)
	status, again := w.transfer("in", "k", body)
	w.want(200, "", status, again)
	assert.Len(t, w.Transfers(), 1)
}

func TestOneOfManyRequestsUnderAKeyCounts(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	w.withWebhooks()
	body := w.ready("out", mobile)
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			status, text, err := w.try("POST", "/transfer/out", body, "Idempotency-Key", fmt.Sprint("key-", i%3))
			assert.NoError(t, err)
			assert.Contains(t, []int{200, 409}, status, text)
		})
	}
	wg.Wait()
	assert.Len(t, w.Transfers(), 3, "one for each key, side by side")
}

func TestFirstWebhookComesBeforeTheResponse(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	w.withWebhooks()
	status, made := w.transfer("in", "k", w.ready("in", mobile))
	w.want(200, "", status, made)
	got := w.inbox.all()
	require.Len(t, got, 2)
	assert.Equal(t, "WebhookKycStatusEvent", got[0].body["eventType"])
	assert.Equal(t, map[string]any{"kycSchema": "PersonalDataAndDocuments", "kycStatus": "KycApproved"}, got[0].body["payload"])
	payload := got[1].body["payload"].(map[string]any)
	assert.Equal(t, made["transferId"], payload["transferId"])
	assert.Equal(t, "TransferStarted", payload["status"])
	assert.Equal(t, fmt.Sprint(w.Now().Unix()), got[1].body["timestamp"])
	assert.NotEqual(t, got[0].body["eventId"], got[1].body["eventId"])
}

func TestWebhooksGoToTheClientOfTheSession(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	w.withWebhooks()
	b := w.as(bob) // without a key
	b.key = ""
	b.addKYC()
	assert.Empty(t, w.inbox.all())
	w.addKYC()
	assert.Len(t, w.inbox.all(), 1)
}

// A delivery is shown by the admin API, and the key of a client lets anybody in.
func TestNoDeliveryShowsAClientsKey(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	client := w.withWebhooks()
	w.addKYC()
	sent := w.Deliveries()
	require.Len(t, sent, 1)
	shown, err := json.Marshal(sent)
	require.NoError(t, err)
	require.NotEmpty(t, client.APIKey)
	assert.NotContains(t, string(shown), client.APIKey)
	assert.NotContains(t, string(shown), client.WebhookSecret)
}

func TestWebhookIsRetriedAndSignedAnew(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		response int
		taken    bool
	}{{200, true}, {201, false}, {204, false}, {500, false}} {
		w := newWallet(t, kotanitest.FiatConnectConfig{})
		client := w.withWebhooks()
		w.inbox.response = tc.response
		w.addKYC()
		w.Flush()
		want, at := 1, w.Now()
		for _, wait := range []int{3, 66, 731, 4098, 1_000_000} {
			assert.Len(t, w.inbox.all(), want)
			w.Advance(time.Duration(wait)*time.Second - 1)
			assert.Len(t, w.inbox.all(), want)
			w.Advance(1)
			at = at.Add(time.Duration(wait) * time.Second)
			if !tc.taken && want < 5 {
				want++
				last := w.inbox.all()[want-1]
				assert.True(t, strings.HasPrefix(last.signature, fmt.Sprintf("t=%d,", at.Unix())), "t is when it was sent")
				assert.Equal(t, w.inbox.all()[0].text, last.text)
			}
		}
		assert.Len(t, w.inbox.all(), want)
		for _, h := range w.inbox.all() {
			wantSigned(t, h, client.WebhookSecret)
		}
	}
}

func TestForgedWebhook(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{})
	client := w.withWebhooks()
	require.NoError(t, w.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackForge, Times: 1}))
	w.addKYC()
	w.Flush()
	require.Len(t, w.inbox.all(), 1)
	h := w.inbox.all()[0]
	mac := hmac.New(sha256.New, []byte(client.WebhookSecret))
	fmt.Fprintf(mac, "%d.%s", w.Now().Unix(), h.text)
	assert.NotContains(t, h.signature, hex.EncodeToString(mac.Sum(nil)))
}

func TestMoveTransferFollowsTheTransitions(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{ManualTransfers: true})
	_, made := w.transfer("out", "k", w.ready("out", mobile))
	id := made["transferId"].(string)
	set := func(status kotani.TransferStatus) error { return w.MoveTransfer(id, status) }
	require.ErrorIs(t, set(kotani.TransferComplete), fake.ErrIllegalMove)
	require.ErrorIs(t, set(kotani.TransferReceivedFiatFunds), fake.ErrIllegalMove)
	require.ErrorIs(t, set("x"), fake.ErrIllegalMove)
	require.ErrorIs(t, w.MoveTransfer("none", kotani.TransferFailed), fake.ErrNotFound)
	require.NoError(t, set(kotani.TransferReadyForUserToSendCryptoFunds))
	w.Advance(15*time.Minute - 1)
	require.ErrorIs(t, set(kotani.TransferFailed), fake.ErrIllegalMove, "not before the quote expires")
	w.Advance(1)
	require.NoError(t, set(kotani.TransferFailed))
	require.ErrorIs(t, set(kotani.TransferFailed), fake.ErrIllegalMove)
}

// The fake's transitions are the specification's, as the client knows them. Of
// the two first transitions in, each transfer has only one.
func TestTransitionsAreTheClients(t *testing.T) {
	t.Parallel()
	all := []kotani.TransferStatus{
		"TransferStarted", "TransferFiatFundsDebited", "TransferWaitingForUserAction", "TransferSendingCryptoFunds", "TransferAmlFailed",
		"TransferReadyForUserToSendCryptoFunds", "TransferReceivedCryptoFunds", "TransferReceivedFiatFunds", "TransferComplete", "TransferFailed",
	}
	w := newWallet(t, kotanitest.FiatConnectConfig{ManualTransfers: true})
	body := w.ready("in", mobile)
	for way, kind := range map[string]kotani.TransferType{"in": kotani.TransferTypeIn, "out": kotani.TransferTypeOut} {
		for i, to := range all {
			_, made := w.transfer(way, fmt.Sprint(way, i), body.with("quoteId", w.quote(way)))
			id := made["transferId"].(string)
			allowed := kotani.TransferStarted.Next(kind)
			err := w.MoveTransfer(id, to)
			legal := false
			for _, a := range allowed {
				legal = legal || a == to && to != kotani.TransferFiatFundsDebited
			}
			assert.Equal(t, legal, err == nil, "%s to %s: %v", way, to, err)
		}
	}
}

func TestAdminMovesTransfers(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{ManualTransfers: true})
	_, made := w.transfer("out", "k", w.ready("out", mobile))
	path := "/_fake/fiatconnect/transfers/" + made["transferId"].(string) + "/status"
	for _, tc := range []struct {
		path, body string
		want       int
	}{
		{path, `{"status":"TransferAmlFailed"}`, 200},
		{path, `{"status":"TransferAmlFailed"}`, 409},
		{path, `{"status":"x"}`, 400},
		{path, `{}`, 400},
		{"/_fake/fiatconnect/transfers/none/status", `{"status":"TransferFailed"}`, 404},
	} {
		status, text := faketest.Admin(w.Admin(), "POST", tc.path, tc.body)
		assert.Equal(t, tc.want, status, text)
	}
}

// TestSnapshotsOfOlderReleasesKeepTheirScenarios: some name a scenario outcome, as now,
// and some scenario.
func TestSnapshotsOfOlderReleasesKeepTheirScenarios(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"outcome", "scenario"} {
		p := newPartner(t, kotanitest.Config{})
		p.withdraw(object{"externalId": "refused", "phoneNumber": "254712340001"})
		w := newWallet(t, kotanitest.FiatConnectConfig{})
		_, made := w.transfer("out", "k", w.ready("out", mobile.with("mobile", "+254712340003")))
		for f, scenario := range map[*fake.Control]string{p.Control: "failed", w.Control: "no-money"} {
			document, err := f.Snapshot()
			require.NoError(t, err)
			written := regexp.MustCompile(`"(?:outcome|scenario)":"` + scenario + `"`)
			require.Len(t, written.FindAll(document, -1), 1)
			require.NoError(t, f.Restore(written.ReplaceAll(document, []byte(`"`+name+`":"`+scenario+`"`))))
		}
		p.Advance(time.Hour)
		refused, _ := p.Transaction("refused")
		assert.Equal(t, kotani.StatusFailed, refused.Status, name)
		assert.Equal(t, fake.ScenarioFailed, refused.Scenario, name)
		transfer, _ := w.Transfer(made["transferId"].(string))
		assert.Equal(t, kotanitest.ScenarioNoMoney, transfer.Scenario, name)
	}
}

func TestSnapshotHoldsFiatConnect(t *testing.T) {
	t.Parallel()
	w := newWallet(t, kotanitest.FiatConnectConfig{PendingKYC: true})
	w.withWebhooks()
	body := w.ready("in", mobile)
	w.Advance(10 * time.Second)
	_, made := w.transfer("in", "k", body)
	document, err := w.Snapshot()
	require.NoError(t, err)
	play := func() []object {
		w.Advance(10 * time.Second)
		_, again := w.transfer("in", "k", body)
		_, second := w.transfer("in", "k2", body)
		return []object{again, second, w.status(made["transferId"].(string))}
	}
	first := play()
	require.NoError(t, w.Restore(document))
	assert.Equal(t, first, play())
	assert.Error(t, w.Restore([]byte(strings.Replace(string(document), `"nonces":{`, `"nonces":null,"x":{`, 1))))
	assert.Error(t, w.Restore([]byte(strings.Replace(string(document), `"transfers":[{`, `"transfers":[null,{`, 1))))
	w.Reset()
	status, response := w.call("GET", "/clock", nil)
	w.want(401, "Unauthorized", status, response) // the client's key is gone, too
	assert.Empty(t, w.Transfers())
}
