package kotanitest

import (
	"fmt"
	"net/http"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Order is a Binance order as the fake keeps it.
type Order struct {
	PrepayID string          `json:"prepay_id"`
	Amount   decimal.Decimal `json:"amount"` // whole units of Currency
	Currency string          `json:"currency"`
	Status   string          `json:"status"` // OrderInitial, ...
}

// States of an order. The names are assumed.
const (
	OrderInitial = "INITIAL"
	OrderPaid    = "PAID"
	OrderClosed  = "CLOSED"
	OrderExpired = "EXPIRED" // not paid within the hour
)

// Order returns an order by its prepay id.
func (f *Fake) Order(prepayID string) (Order, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copy(f.state.Orders.Find(prepayID))
}

// Orders are all orders, oldest first.
func (f *Fake) Orders() []Order {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copies(f.state.Orders.All())
}

// PayOrder lets the customer pay an order. The partner's balance in its currency
// grows at once. An order that is not INITIAL is refused with
// fake.ErrIllegalMove, an unknown id with fake.ErrNotFound.
func (f *Fake) PayOrder(prepayID string) error {
	f.world.Lock()
	defer f.world.Unlock()
	o := f.state.Orders.Find(prepayID)
	switch {
	case o == nil:
		return fmt.Errorf("kotanitest: order %q: %w", prepayID, fake.ErrNotFound)
	case o.Status != OrderInitial:
		return fmt.Errorf("kotanitest: order %s: %w: %s to %s", prepayID, fake.ErrIllegalMove, o.Status, OrderPaid)
	}
	o.Status = OrderPaid
	f.state.post("order "+o.PrepayID, kindOrder, o.PrepayID, f.world.Now(), Leg{partner, o.Currency, o.Amount})
	return nil
}

// adminPayOrder is POST /_fake/kotani/orders/{id}/pay.
func (f *Fake) adminPayOrder(rw http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	err := f.PayOrder(id)
	o, _ := f.Order(id)
	fake.AdminMoved(rw, o.wire(), err, "id", "status")
}

// createOrder is POST /binance/order/create.
func (f *Fake) createOrder(c *call) object {
	o := &Order{Amount: c.whole("amount"), Currency: c.text("currency"), Status: OrderInitial}
	for _, name := range []string{"goodsName", "goodsDetail", "returnUrl", "cancelUrl"} {
		c.text(name)
	}
	if o.Currency != "BUSD" && o.Currency != "USDT" {
		c.refuse("currency not supported")
	}
	if c.reason != "" {
		return c.refused()
	}
	o.PrepayID = f.ids().Digits(18)
	f.state.Orders.Add(o)
	f.after(f.config.Quirks.OrderLifetime, eventOrderExpiry, o.PrepayID)
	return result(o.wire())
}

// closeOrder is POST /binance/order/close.
func (f *Fake) closeOrder(c *call) object {
	o, refusal := f.order(c)
	switch {
	case refusal != nil:
		return refusal
	case o.Status == OrderPaid:
		return refused("order is already paid")
	case o.Status != OrderInitial:
		return refused("order is already closed")
	}
	o.Status = OrderClosed
	return result(o.wire())
}

// queryOrder is POST /binance/order/query.
func (f *Fake) queryOrder(c *call) object {
	o, refusal := f.order(c)
	if refusal != nil {
		return refusal
	}
	return result(o.wire())
}

func (f *Fake) expireOrder(prepayID string) {
	if o := f.state.Orders.Find(prepayID); o != nil && o.Status == OrderInitial {
		o.Status = OrderExpired
	}
}

// order is the order that a request names.
func (f *Fake) order(c *call) (*Order, object) {
	id := c.text("prepayId")
	if c.reason != "" {
		return nil, c.refused()
	}
	if o := f.state.Orders.Find(id); o != nil {
		return o, nil
	}
	return nil, refused("order not found")
}

func (o *Order) wire() object {
	return object{
		"prepayId": o.PrepayID, "status": o.Status,
		"checkoutLink": "https://pay.binance.example/checkout/" + o.PrepayID,
		"qrcodeLink":   "https://pay.binance.example/qr/" + o.PrepayID + ".png",
	}
}
