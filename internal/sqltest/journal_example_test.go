package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// The quickstart: an order and its collection are recorded together, and whatever
// happens to the process, the payer is asked once.
func Example_journal() {
	ctx, stop := context.WithCancel(context.Background())
	provider := kpaytest.New(kpaytest.Config{}) // in production: kpay.LiveURL and your credentials
	defer provider.Close()
	client, err1 := kpay.New(withCallback(provider.ClientConfig()))
	db, err2 := sql.Open("sqlite", "file:shop?mode=memory&cache=shared&_txlock=immediate&_pragma=busy_timeout(10000)")
	j, err3 := journal.Open(ctx, db, journal.SQLite, journal.Config{})
	_, err4 := db.ExecContext(ctx, `CREATE TABLE orders (id text, status text)`)
	must(err1, err2, err3, err4)

	collect := journal.KPay(j, "collect", client, func(ctx context.Context, tx journal.Tx, c journal.Change[kpay.Payment]) error {
		_, err := tx.ExecContext(ctx, `UPDATE orders SET status = ?`, string(c.Kind))
		return err
	})
	done := make(chan error)
	go func() { done <- j.Run(ctx) }()

	reference := journal.Reference("order-123", "collect")
	tx, err := db.BeginTx(ctx, nil)
	must(err)
	_, err1 = tx.ExecContext(ctx, `INSERT INTO orders VALUES ('order-123', 'new')`)
	err2 = collect.Plan(ctx, tx, kpay.PayParams{
		RefID: reference, Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: "0783300006",
		Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: "0783300006", Details: "Order #123",
		RedirectURL: "https://shop.example/thanks",
	})
	must(err1, err2, tx.Commit())

	payment, err := collect.Await(ctx, reference)
	must(err)
	fmt.Println("paid:", payment.Status.Paid())
	stop()
	fmt.Println("stopped:", errors.Is(<-done, context.Canceled), db.Close())
	// Output:
	// paid: true
	// stopped: true <nil>
}

func withCallback(c kpay.Config) kpay.Config {
	c.CallbackURL = func(string, decimal.Decimal, string) (string, error) { return "http://127.0.0.1:1/hooks/kpay", nil }
	c.MaxAttempts = 1
	return c
}

func must(all ...error) {
	if err := errors.Join(all...); err != nil {
		panic(err)
	}
}
