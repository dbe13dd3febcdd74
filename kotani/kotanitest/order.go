package kotanitest

import (
	"errors"
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

// Reasons for which PayOrder changes nothing.
var (
	ErrNoOrder     = errors.New("kotanitest: no such order")
	ErrOrderClosed = errors.New("kotanitest: the order is not open")
)

// PayOrder is the customer paying an order: the partner's balance in its
// currency grows at once.
func (f *Fake) PayOrder(prepayID string) error {
	f.world.Lock()
	defer f.world.Unlock()
	o := f.state.Orders[prepayID]
	switch {
	case o == nil:
		return ErrNoOrder
	case o.Status != OrderInitial:
		return ErrOrderClosed
	}
	o.Status = OrderPaid
	f.state.fund(o.Currency, o.Amount, f.world.Now())
	return nil
}

// Order returns one order.
func (f *Fake) Order(prepayID string) (Order, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	if o := f.state.Orders[prepayID]; o != nil {
		return *o, true
	}
	return Order{}, false
}

// createOrder is POST /binance/order/create.
func (f *Fake) createOrder(c *call) object {
	o := &Order{Amount: c.whole("amount"), Currency: c.text("currency"), Status: OrderInitial}
	for _, name := range []string{"goodsName", "goodsDetail", "returnUrl", "cancelUrl"} {
		c.text(name)
	}
	if o.Currency != "BUSD" && o.Currency != "USDT" {
		c.fail("currency not supported")
	}
	if c.fault != "" {
		return c.refused()
	}
	o.PrepayID = f.ids().Digits(18)
	f.state.Orders[o.PrepayID] = o
	f.after(f.config.OrderLifetime, eventOrderExpiry, o.PrepayID)
	return result(o.shown())
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
	return result(o.shown())
}

// queryOrder is POST /binance/order/query.
func (f *Fake) queryOrder(c *call) object {
	o, refusal := f.order(c)
	if refusal != nil {
		return refusal
	}
	return result(o.shown())
}

func (f *Fake) order(c *call) (*Order, object) {
	id := c.text("prepayId")
	if c.fault != "" {
		return nil, c.refused()
	}
	if o := f.state.Orders[id]; o != nil {
		return o, nil
	}
	return nil, refused("order not found")
}

func (f *Fake) expireOrder(prepayID string) {
	if o := f.state.Orders[prepayID]; o != nil && o.Status == OrderInitial {
		o.Status = OrderExpired
	}
}

func (o *Order) shown() object {
	return object{
		"prepayId": o.PrepayID, "status": o.Status,
		"checkoutLink": "https://pay.binance.example/checkout/" + o.PrepayID,
		"qrcodeLink":   "https://pay.binance.example/qr/" + o.PrepayID + ".png",
	}
}

// adminPayOrder is POST /_fake/kotani/orders/{id}/pay.
func (f *Fake) adminPayOrder(rw http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	switch err := f.PayOrder(id); {
	case errors.Is(err, ErrNoOrder):
		fake.AdminError(rw, http.StatusNotFound, "id", err.Error())
	case err != nil:
		fake.AdminError(rw, http.StatusConflict, "status", err.Error())
	default:
		o, _ := f.Order(id)
		fake.AdminRespond(rw, http.StatusOK, o.shown())
	}
}
