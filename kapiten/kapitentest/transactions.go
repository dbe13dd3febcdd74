package kapitentest

import (
	"encoding/json"
	"net/http"
	"regexp"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// billedPhone is a Rwandan mobile number: 072, 073, 078 or 079 and seven
// digits, 250 or +250 in place of the zero. The document names 078 and 079 but
// also Airtel Money, whose numbers are the other two.
var billedPhone = regexp.MustCompile(`^(0|\+?250)7[2389][0-9]{7}$`)

// topUpBody is the documented answer to Wallet Top-up.
type topUpBody struct {
	ID              string                    `json:"id"`
	Amount          json.RawMessage           `json:"amount"`
	TransactionType string                    `json:"transaction_type"`
	Status          kapiten.TransactionStatus `json:"status"`
	Description     string                    `json:"description"`
	CreatedAt       timestamp                 `json:"created_at"`
}

func (f *Fake) topUpBody(e fake.Entry) topUpBody {
	return topUpBody{e.ID, f.money(e.Amount), e.Kind, walletStatus(e.Status), e.Description, timestamp(e.Created)}
}

func (f *Fake) createTopUp(c *call) *answer {
	co, failure := f.company(c)
	if failure != nil {
		return failure
	}
	in, failure := c.read()
	if failure != nil {
		return failure
	}
	amount := in.francs("amount", f.config.MaxTopUp)
	phone := in.text("phone_number", needed, textLength)
	if phone != "" && !billedPhone.MatchString(phone) {
		in.fail("phone_number", "This value does not match the required pattern.")
	}
	description := in.text("description", nullable, noteLength)
	if failure := in.invalid(); failure != nil {
		return failure
	}
	return &answer{status: http.StatusCreated, body: f.topUpBody(f.topUp(co, amount, phone, description))}
}

type transactionRow struct {
	topUpBody
	Ride *string `json:"ride"`
}

// listTransactions lists the newest first.
func (f *Fake) listTransactions(c *call) *answer {
	co, failure := f.company(c)
	if failure != nil {
		return failure
	}
	return paginate(f, c, f.state.ledger.Len(co.account()), func(skip, n int) []transactionRow {
		var rows []transactionRow
		for _, e := range f.state.ledger.Page(co.account(), skip, n) {
			row := transactionRow{topUpBody: f.topUpBody(e)}
			if e.Reference != "" {
				row.Ride = &e.Reference
			}
			rows = append(rows, row)
		}
		return rows
	})
}
