package bitpesatest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// story is some of everything.
func story(t testing.TB, m merchant) string {
	t.Helper()
	m.allEvents(t)
	m.want(t, 201, "POST", "/senders", `{"sender":{"external_id":"S-1",`+senderFields+`}}`)
	m.want(t, 201, "POST", "/documents", `{"document":{"upload":"data:image/png;base64,AAAA","upload_file_name":"a.png"}}`)
	m.want(t, 201, "POST", "/transactions", collection(`"phone_number":"+221774044430"`))
	m.want(t, 201, "POST", "/transactions/create_and_fund", transaction(`"external_id":"T-1","metadata":{"n":1.10}`, ngn("1208", "15500"), ngn("1000", "15500")))
	id := m.funded(t, transaction("", ngn("1219", "15500")))
	pay(m.fake)
	return id
}

func TestEqualSeedsGiveEqualWorlds(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) object {
		f, m := start(t, bitpesatest.Config{Options: fake.Options{Seed: seed, Callbacks: newInbox()}})
		story(t, m)
		return providerState(t, f)
	}
	one, same, other := run(1), run(1), run(2)
	assert.True(t, assert.ObjectsAreEqual(one, same))
	assert.False(t, assert.ObjectsAreEqual(one, other))
}

func TestSnapshotBringsEverythingBack(t *testing.T) {
	t.Parallel()
	config := bitpesatest.Config{Options: fake.Options{Callbacks: newInbox()}}
	f, m := start(t, config)
	id := story(t, m)
	snapshot, err := f.Snapshot()
	require.NoError(t, err)
	before := providerState(t, f)

	other, n := start(t, config)
	n.nonces.Add(1_000_000)
	require.NoError(t, other.Restore(snapshot))
	assert.Equal(t, before, providerState(t, other))
	for _, w := range []merchant{m, n} {
		w.fake.Advance(10 * time.Minute)
		w.want(t, 200, "DELETE", "/recipients/"+w.recipientID(t, id, 0), "")
		assert.Equal(t, "refunded", w.state(t, id))
		r := w.call(t, "POST", "/transactions", transaction(`"external_id":"T-1"`, ngn("1000", "15500")))
		assert.Equal(t, 422, r.status, "external ids are remembered")
		require.NoError(t, w.fake.CheckLedger())
	}
	assert.Equal(t, textAt(t, m.want(t, 201, "POST", "/transactions", transaction("", ngn("1", "15500"))), "id"),
		textAt(t, n.want(t, 201, "POST", "/transactions", transaction("", ngn("1", "15500"))), "id"), "ids go on the same")

	f.Reset()
	assert.Empty(t, m.list(t, 200, "GET", "/transactions", ""))
	wantBalance(t, f, "USD", "1000000")
}

func TestForeignSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	m.want(t, 201, "POST", "/transactions", collection(`"phone_number":"+221774044430"`))
	m.want(t, 201, "POST", "/documents", `{"document":{"upload":"data:image/png;base64,AAAA","upload_file_name":"a.png"}}`)
	snapshot, err := f.Snapshot()
	require.NoError(t, err)
	_, other := start(t, bitpesatest.Config{Keys: []bitpesatest.Key{{Key: "other", Secret: "s"}}})
	assert.Error(t, other.fake.Restore(snapshot), "another account")

	before := providerState(t, f)
	for name, change := range map[string]func(account object){
		"transaction without its sender":    func(a object) { a["senders"] = []any{} },
		"recipient without its transaction": func(a object) { a["transactions"] = []any{} },
		"recipient without payout method":   func(a object) { a["payout_methods"] = []any{} },
		"transaction without recipients":    func(a object) { a["recipients"] = []any{} },
		"transaction without payin method":  func(a object) { a["payin_methods"] = []any{} },
		"no index":                          func(a object) { delete(a, "sender_by_external_id") },
		"a row without id":                  func(a object) { a["documents"] = []any{object{}} },
		"an empty row":                      func(a object) { a["documents"] = []any{nil} },
		"two rows with one id":              func(a object) { a["documents"] = append(a["documents"].([]any), a["documents"].([]any)...) },
		"another key":                       func(a object) { a["key"] = "x" },
	} {
		document := reply{0, string(snapshot)}.decoded(t)
		change(at(t, document, "providers.bitpesa.accounts.test-key").(object))
		text, err := json.Marshal(document)
		require.NoError(t, err)
		assert.Error(t, f.Restore(text), name)
	}
	assert.Equal(t, before, providerState(t, f), "a refused snapshot changes nothing")
}

func TestOneClockMovesTwoFakes(t *testing.T) {
	t.Parallel()
	kapiten := kapitentest.NewServer(t)
	f := bitpesatest.NewIn(kapiten.World(), bitpesatest.Config{})
	m := merchantOf(f)
	id := m.funded(t, transaction("", ngn("1000", "15500")))
	kapiten.Advance(30 * time.Second)
	assert.Equal(t, "paid", m.state(t, id))
}

func TestWorldRunsInSyncTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := start(t, bitpesatest.Config{Options: fake.Options{RealTime: true}})
		id := m.funded(t, transaction("", ngn("1000", "15500")))
		<-time.After(31 * time.Second)
		assert.Equal(t, "paid", m.state(t, id))
		assert.NoError(t, f.CheckLedger())
	})
}

func TestFaultsComeBeforeOrAfterTheWork(t *testing.T) {
	t.Parallel()
	body := transaction(`"external_id":"T-1"`, ngn("1000", "15500"))
	tests := map[string]struct {
		fault  fake.Fault
		status int // zero: no response
		done   bool
	}{
		"500":         {fake.Fault{Kind: fake.FaultStatus, Status: 500}, 500, false},
		"502":         {fake.Fault{Kind: fake.FaultStatus, Status: 502}, 502, false},
		"503":         {fake.Fault{Kind: fake.FaultStatus, Status: 503}, 503, false},
		"504":         {fake.Fault{Kind: fake.FaultStatus, Status: 504}, 504, false},
		"proxy page":  {fake.Fault{Kind: fake.FaultHTML}, 502, false},
		"429":         {fake.Fault{Kind: fake.FaultRateLimit, Seconds: 3}, 429, false},
		"drop before": {fake.Fault{Kind: fake.FaultDropBefore}, 0, false},
		"drop after":  {fake.Fault{Kind: fake.FaultDropAfter}, 0, true},
		"truncated":   {fake.Fault{Kind: fake.FaultTruncate}, 0, true},
		"malformed":   {fake.Fault{Kind: fake.FaultMalformed}, 201, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, m := start(t)
			tt.fault.Path, tt.fault.Times = "/transactions/create_and_fund", 1
			require.NoError(t, f.AddFault(tt.fault))
			r, err := m.try("POST", "/transactions/create_and_fund", body)
			if tt.status == 0 {
				assert.Error(t, err)
			} else if assert.NoError(t, err) {
				assert.Equal(t, tt.status, r.status)
			}
			if tt.status >= 500 && name != "proxy page" {
				assert.Equal(t, fmt.Sprintf(`{"error":%q,"status":%d}`, http.StatusText(tt.status), tt.status), r.body)
			}
			found := m.list(t, 200, "GET", "/transactions?external_id=T-1", "")
			again := m.call(t, "POST", "/transactions/create_and_fund", body)
			if tt.done {
				assert.Len(t, found, 1)
				assert.Equal(t, 422, again.status)
				assert.Equal(t, found[0]["id"], at(t, again.decoded(t), "meta.existing.transaction.id"))
			} else {
				assert.Empty(t, found)
				assert.Equal(t, 201, again.status)
			}
			wantBalance(t, f, "USD", "999990")
		})
	}
}

func TestCreateAndFundCanBeSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := start(t, bitpesatest.Config{Options: fake.Options{RealTime: true}})
		require.NoError(t, f.AddFault(fake.Fault{Kind: fake.FaultDelay, Seconds: 90, Path: "/transactions/create_and_fund"}))
		began := time.Now()
		m.want(t, 201, "POST", "/transactions/create_and_fund", transaction(`"external_id":"T-1"`, ngn("1000", "15500")))
		assert.WithinDuration(t, began.Add(90*time.Second), time.Now(), time.Second)
	})
}

func TestJournalHidesCredentialsAndDocuments(t *testing.T) {
	t.Parallel()
	f, m := start(t)
	m.want(t, 201, "POST", "/documents", `{"document":{"upload":"data:image/png;base64,UGFzc3BvcnQ","upload_file_name":"a.png"}}`)
	requests := f.Requests()
	require.Len(t, requests, 1)
	assert.Equal(t, []string{"POST", "/documents"}, []string{requests[0].Method, requests[0].Path})
	text := fmt.Sprintf("%+v", requests)
	assert.NotContains(t, text, "UGFzc3BvcnQ")
	assert.NotContains(t, strings.ToLower(text), "authorization-signature")
}

// FuzzBodies sends anything to the calls that take a body: a fake never
// responds 500, and its ledger holds.
func FuzzBodies(f *testing.F) {
	paths := []string{"/senders", "/transactions", "/transactions/create_and_fund", "/transactions/calculate", "/transactions/validate", "/accounts/debits", "/account_validations", "/documents", "/webhooks", "/payout_methods"}
	for i := range paths {
		f.Add(i, transaction(`"external_id":"a","payin_methods":[{"type":"USD::Bank"}],"traits":{}`, ngn("1000", "15500")))
		f.Add(i, `{"sender":{"id":"x","documents":[{"upload":"data:,"},1,null,{"id":1}]},"debit":[{},{"to_id":1}],"webhook":{"url":{},"events":{}},"document":{"upload":[]}}`)
		f.Add(i, `{"transaction":{"recipients":[{"requested_amount":1e400,"requested_currency":"USD","payout_method":{"type":"::","details":{"a":[]}}}],"sender":[],"payin_methods":{}}}`)
	}
	f.Fuzz(func(t *testing.T, n int, body string) {
		srv, m := start(t)
		path := paths[uint(n)%uint(len(paths))]
		r := m.call(t, "POST", path, body)
		assert.Less(t, r.status, 500, "%s: %s", path, r.body)
		assert.NoError(t, srv.CheckLedger())
		snapshot, err := srv.Snapshot()
		require.NoError(t, err)
		assert.NoError(t, srv.Restore(snapshot))
	})
}

func TestTwoAccountsByDefault(t *testing.T) {
	t.Parallel()
	f, waived := start(t)
	checked := merchant{f, bitpesatest.KYCKey, bitpesatest.KYCSecret, &atomic.Int64{}}
	paper := `{"sender":{` + strings.Replace(senderFields, "[]", `[{"upload":"https://x.test/a.png","upload_file_name":"a.png"}]`, 1) + `}}`
	assert.Equal(t, "approved", textAt(t, waived.want(t, 201, "POST", "/senders", `{"sender":{`+senderFields+`}}`), "state"))
	assert.Equal(t, "initial", textAt(t, checked.want(t, 201, "POST", "/senders", paper), "state"))
	assert.Len(t, checked.list(t, 200, "GET", "/senders", ""), 1, "accounts do not see each other's objects")
	assert.Equal(t, "1000000", f.Balance(bitpesatest.KYCKey, "USD").String())
}
