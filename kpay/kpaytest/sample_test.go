package kpaytest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
)

// The requests of the document's samples are carried out and the answers have
// the shape of its sample answers: the same keys, values of the same kind.
func TestAnswersHaveTheShapeOfTheDocumentsSamples(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{OtherTID: true})

	pending := m.call(sample(t, "pay_request"))
	want := sample(t, "pay_pending")
	assert.Equal(t, shape(want), shape(pending))
	for _, name := range []string{"reply", "success", "refid", "retcode"} {
		assert.Equal(t, want[name], pending[name], name)
	}
	assert.Regexp(t, `^E[1-9][0-9]{15}$`, pending["tid"])
	assert.Regexp(t, `^[0-9a-z]{26}$`, pending["authkey"])
	assert.Regexp(t, `^http://kpay\.localhost/checkout/A[1-9][0-9]{10}$`, pending["url"])

	unknown := m.call(sample(t, "status_request"))
	assert.Equal(t, sample(t, "status_not_found"), unknown)

	m.Advance(10 * time.Second)
	posts := m.postbacks()
	require.Len(t, posts, 1)
	paid := parse(t, posts[0].body)
	want = sample(t, "postback_paid")
	assert.Equal(t, shape(want), shape(paid))
	assert.Equal(t, want["statusid"], paid["statusid"])
	assert.Equal(t, want["statusdesc"], paid["statusdesc"])
	assert.Equal(t, want["payaccount"], paid["payaccount"])
	assert.Regexp(t, `^A[1-9][0-9]{11}$`, paid["tid"])
	assert.Equal(t, paid, m.status("15947234071471114"), "a status answer has the shape of a postback")
}

// The document's acknowledgement, with the ids of the postback, is the one that
// is taken.
func TestTheDocumentsAcknowledgementIsTaken(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{OtherTID: true})
	ack := sample(t, "postback_answer")
	m.answer = func(_ int, body object) (int, any) {
		assert.Len(t, ack, 3)
		return 200, object{"tid": body["tid"], "refid": body["refid"], "reply": ack["reply"]}
	}
	m.pay(nil)
	m.Advance(10 * time.Second)
	require.Len(t, m.Deliveries(), 1)
	assert.EqualValues(t, "delivered", m.Deliveries()[0].State)
}
