package kotanitest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Order is a Binance order as the fake keeps it.
type Order struct {
	PrepayID  string             `json:"prepay_id"`
	Amount    decimal.Decimal    `json:"amount"` // whole units of Currency
	Currency  string             `json:"currency"`
	Status    kotani.OrderStatus `json:"status"`
	Callback  string             `json:"callback"`   // of the payout; not documented
	RequestID string             `json:"request_id"` // of the payout, once the order is paid
}

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

// PayOrder lets the customer pay an order, as MoveOrder with kotani.OrderPaid.
func (f *Fake) PayOrder(prepayID string) error { return f.MoveOrder(prepayID, kotani.OrderPaid) }

// MoveOrder ends an order that is still INITIAL: the customer pays it, his payment
// fails, or it is closed. A paid order starts its payout at once (documented): a
// transaction whose coins reach the partner's balance once it is SUCCESSFUL. That the
// payout is in coins is assumed.
//
// Another transition is refused with fake.ErrIllegalMove, an unknown id with
// fake.ErrNotFound.
func (f *Fake) MoveOrder(prepayID string, to kotani.OrderStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	o := f.state.Orders.Find(prepayID)
	switch {
	case o == nil:
		return fmt.Errorf("kotanitest: order %q: %w", prepayID, fake.ErrNotFound)
	case o.Status != kotani.OrderInitial || !slices.Contains(orderEnds(), to):
		return fmt.Errorf("kotanitest: order %s: %w: %s to %s", prepayID, fake.ErrIllegalMove, o.Status, to)
	}
	o.Status = to
	if to == kotani.OrderPaid {
		f.payOut(o)
	}
	return nil
}

// orderEnds are the states in which an order can end.
func orderEnds() []kotani.OrderStatus {
	return []kotani.OrderStatus{kotani.OrderPaid, kotani.OrderFailed, kotani.OrderClosed}
}

// payOut books the customer's payment with Binance and pays it out to the partner.
func (f *Fake) payOut(o *Order) {
	f.state.post("order "+o.PrepayID, kindOrder, o.PrepayID, f.world.Now(), Leg{binance, o.Currency, o.Amount})
	t := &Transaction{
		Operation: kotani.OpCreateOrder, Type: kotani.Payouts, Amount: o.Amount, Currency: o.Currency, Callback: o.Callback,
		Legs: []Leg{{binance, o.Currency, o.Amount.Neg()}, {partner, o.Currency, o.Amount}},
	}
	f.begin(&call{}, t) // it is covered, and has no reference that could be taken
	o.RequestID = t.RequestID
}

type orderBody struct {
	Status kotani.OrderStatus `json:"status"`
}

// adminMoveOrder is POST /_fake/kotani/orders/{id}/settle {"status":...}.
func (f *Fake) adminMoveOrder(rw http.ResponseWriter, r *http.Request) {
	var in orderBody
	if !fake.AdminBody(rw, r, &in) {
		return
	}
	if !slices.Contains(orderEnds(), in.Status) {
		fake.AdminError(rw, http.StatusBadRequest, "status", fmt.Sprintf("status must be one of %v", orderEnds()))
		return
	}
	f.movedOrder(rw, r.PathValue("id"), in.Status)
}

// adminPayOrder is POST /_fake/kotani/orders/{id}/pay.
func (f *Fake) adminPayOrder(rw http.ResponseWriter, r *http.Request) {
	f.movedOrder(rw, r.PathValue("id"), kotani.OrderPaid)
}

func (f *Fake) movedOrder(rw http.ResponseWriter, id string, to kotani.OrderStatus) {
	err := f.MoveOrder(id, to)
	o, _ := f.Order(id)
	fake.AdminMoved(rw, o.wire(), err, "id", "status")
}

// createOrder is POST /binance/order/create.
func (f *Fake) createOrder(c *call) object {
	o := &Order{Amount: c.whole("amount"), Currency: c.text("currency"), Callback: c.callback(), Status: kotani.OrderInitial}
	for _, name := range []string{"goodsName", "goodsDetail", "returnUrl", "cancelUrl"} {
		if text := c.text(name); strings.HasSuffix(name, "Url") && !fake.IsWebURL(text) {
			c.refuse(name + " must be a URL")
		}
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
	return f.result(o.wire())
}

// closeOrder is POST /binance/order/close.
func (f *Fake) closeOrder(c *call) object {
	o, refusal := f.order(c)
	switch {
	case refusal != nil:
		return refusal
	case o.Status == kotani.OrderPaid:
		return refused("order is already paid")
	case o.Status == kotani.OrderFailed:
		return refused("order has failed already")
	case o.Status != kotani.OrderInitial:
		return refused("order is already closed")
	}
	o.Status = kotani.OrderClosed
	return f.result(o.wire())
}

// queryOrder is POST /binance/order/query.
func (f *Fake) queryOrder(c *call) object {
	o, refusal := f.order(c)
	if refusal != nil {
		return refusal
	}
	return f.result(o.wire())
}

// expireOrder closes an order after its hour. The document says "automatically closed".
func (f *Fake) expireOrder(prepayID string) {
	if o := f.state.Orders.Find(prepayID); o != nil && o.Status == kotani.OrderInitial {
		o.Status = kotani.OrderClosed
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
	shown := object{
		"prepayId": o.PrepayID, "status": string(o.Status),
		"checkoutLink": "https://pay.binance.example/checkout/" + o.PrepayID,
		"qrcodeLink":   "https://pay.binance.example/qr/" + o.PrepayID + ".png",
	}
	if o.RequestID != "" {
		shown["requestId"] = o.RequestID
	}
	return shown
}
