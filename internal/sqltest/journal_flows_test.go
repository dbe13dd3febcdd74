package sqltest

import (
	"database/sql"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

// signed stands for a signature that holds.
type signed struct{}

func (signed) Authenticate(*webhook.Delivery) (webhook.Proof, error) {
	return webhook.Proof{Signed: true}, nil
}

// counted counts requests.
type counted struct {
	next http.RoundTripper
	n    *int
}

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	*c.n++
	return c.next.RoundTrip(r)
}

// TestJournalBitPesaEvents: a signed event that ends an entry is a fact, and nobody asks.
// The same event without a signature, or about another transaction, is a knock.
func TestJournalBitPesaEvents(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		srv, asked := bitpesatest.New(bitpesatest.Config{}), 0
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{KnockGap: time.Millisecond})
		require.NoError(t, err)
		flow := journal.BitPesa(j, "pay", bitpesaClient(srv, func(next http.RoundTripper) http.RoundTripper { return counted{next, &asked} }), nil)
		m := &merchant{t: t, db: db, j: j}
		open := func(reference string) bitpesatest.Transaction {
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			require.NoError(t, flow.Plan(t.Context(), tx, transactionParams(reference)))
			require.NoError(t, tx.Commit())
			for range 2 {
				_, err = j.Work(t.Context())
				require.NoError(t, err)
			}
			require.Equal(t, journal.StateOpen, m.entry(reference).State, m.history(reference))
			all := srv.Transactions(bitpesatest.TestKey)
			return all[len(all)-1]
		}
		event := func(id, reference, state string) []byte {
			return []byte(`{"webhook":"w","event":"transaction.paid_out","object":{"id":"` + id + `","external_id":"` + reference + `","state":"` + state + `"}}`)
		}
		first, second := open("a"), open("b")
		asked = 0
		post := func(auth webhook.Authenticator, body []byte) {
			require.Equal(t, http.StatusOK, postTo(t, flow.Knock(auth), body).Code)
		}
		post(signed{}, event(first.ID, "a", "paid"))
		require.Eventually(t, func() bool { return m.entry("a").State == journal.StateFinal }, 10*time.Second, time.Millisecond)
		require.Equal(t, journal.Succeeded, m.entry("a").Standing)
		require.Contains(t, m.history("a"), "signed")
		require.Zero(t, asked)

		for i, body := range [][]byte{
			event(first.ID, "b", "paid"),       // another transaction
			event(second.ID, "b", "canceled"),  // does not show whether somebody was paid
			event(second.ID, "b", "received"),  // no end
			event(second.ID, "nobody", "paid"), // unknown
		} {
			post(signed{}, body)
			if i < 3 {
				require.Eventually(t, func() bool { return m.knocks("b") == i+1 }, 10*time.Second, time.Millisecond)
			}
		}
		post(webhook.PathSecret(knockSecret), event(second.ID, "b", "paid"))
		require.Eventually(t, func() bool { return m.knocks("b") == 4 }, 10*time.Second, time.Millisecond)
		require.Equal(t, journal.StateOpen, m.entry("b").State)

		// What is final is not undone by an old event, but by asking.
		post(signed{}, event(first.ID, "a", "canceled"))
		require.Eventually(t, func() bool { return m.knocks("a") == 1 }, 10*time.Second, time.Millisecond)
		require.Equal(t, journal.Succeeded, m.entry("a").Standing)
	})
}

// TestJournalBitPesaRecipients: a recipient that fails waits for a person, and the
// journal goes on by itself once he has acted.
func TestJournalBitPesaRecipients(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for name, test := range map[string]struct {
			change func(*bitpesa.TransactionParams)
			act    func(*testing.T, *bitpesa.Client, *bitpesa.Transaction)
			told   []string
			state  journal.State
		}{
			"corrected": {func(*bitpesa.TransactionParams) {}, func(t *testing.T, c *bitpesa.Client, tx *bitpesa.Transaction) {
				_, err := c.Recipients.Correct(t.Context(), tx.ID, tx.Recipients[0].ID, bitpesa.RecipientUpdate{
					PayoutMethod: bitpesa.PayoutMethodParams{Type: "NGN::Bank", Details: bitpesa.PayoutDetails{BankAccount: "3234567890"}},
				})
				require.NoError(t, err)
			}, []string{"pending", "stuck", "succeeded"}, journal.StateFinal},
			"cancelled and refunded": {func(*bitpesa.TransactionParams) {}, func(t *testing.T, c *bitpesa.Client, tx *bitpesa.Transaction) {
				_, err := c.Transactions.Cancel(t.Context(), tx.ID)
				require.NoError(t, err)
			}, []string{"pending", "stuck", "failed"}, journal.StateFinal},
			"one paid, the other refunded": {func(p *bitpesa.TransactionParams) {
				good := p.Recipients[0]
				good.PayoutMethod.Details.BankAccount = "2234567890"
				p.Recipients = append(p.Recipients, good)
			}, func(t *testing.T, c *bitpesa.Client, tx *bitpesa.Transaction) {
				_, err := c.Transactions.Cancel(t.Context(), tx.ID)
				require.NoError(t, err)
			}, []string{"pending", "stuck"}, journal.StateStuck},
		} {
			t.Run(name, func(t *testing.T) {
				srv := bitpesatest.New(bitpesatest.Config{})
				newMerchant(t, db, dialect, newBank(sdk.Once))
				clear(t, db)
				j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
				require.NoError(t, err)
				client := bitpesaClient(srv, func(next http.RoundTripper) http.RoundTripper { return next })
				params := transactionParams(providerReference)
				test.change(&params)
				flow := journal.BitPesa(j, "pay", client, tell[bitpesa.Transaction]())
				tx, err := db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				require.NoError(t, flow.Plan(t.Context(), tx, params))
				require.NoError(t, tx.Commit())
				m := &merchant{t: t, db: db, j: j}
				m.work(0)
				m.work(0)
				require.NoError(t, srv.MoveRecipient(srv.Recipients(bitpesatest.TestKey)[0].ID, bitpesa.RecipientError, "416"))
				work := func(until journal.State) {
					for range 20 {
						m.work(time.Hour)
						srv.Advance(time.Hour)
						if m.entry(providerReference).State == until {
							return
						}
					}
				}
				work(journal.StateStuck)
				require.Equal(t, journal.ReasonAction, m.entry(providerReference).Reason, m.history(providerReference))
				transaction, err := client.Transactions.Find(t.Context(), providerReference)
				require.NoError(t, err)
				require.True(t, transaction.NeedsAction())
				test.act(t, client, transaction)
				for range 5 {
					m.work(time.Hour)
					srv.Advance(time.Hour)
				}
				require.Equal(t, test.state, m.entry(providerReference).State, m.history(providerReference))
				require.Equal(t, test.told, changes(t, db, providerReference))
			})
		}
	})
}
