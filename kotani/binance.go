package kotani

import (
	"cmp"
	"context"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// BinanceService makes checkout links for payments by Binance Pay. An order that
// is not paid closes by itself after one hour. A paid order is paid out at once
// (documented).
type BinanceService struct{ *api }

// CreateOrderParams describe a checkout. All fields but CallbackURL are required
// (documented).
type CreateOrderParams struct {
	Amount      decimal.Decimal // whole units of Currency, greater than zero
	GoodsName   string
	GoodsDetail string
	Currency    string // "BUSD" or "USDT" (documented)
	ReturnURL   string // where the payer goes after a payment
	CancelURL   string // where the payer goes after a failure
	// CallbackURL gets the callbacks of the payout that follows a payment. Optional. The
	// document shows no callback of an order: the field is assumed.
	CallbackURL string
}

// BinanceOrder is a checkout. The document leaves the responses empty: the fields
// are assumed, and Raw has the response.
type BinanceOrder struct {
	PrepayID     string      `json:"prepayId"`
	CheckoutLink string      `json:"checkoutLink"`
	QRCodeLink   string      `json:"qrcodeLink"`
	Status       OrderStatus `json:"status"`
	RequestID    string      `json:"requestId"` // of the payout, once the order is paid (assumed)
	Raw          sdk.Raw
}

// OrderStatus is the state of an order. The document has no list: the names are
// assumed, and others pass through.
type OrderStatus string

// States of an order. An order that nobody pays within the hour is closed (documented).
const (
	OrderInitial OrderStatus = "INITIAL"
	OrderPaid    OrderStatus = "PAID"
	OrderFailed  OrderStatus = "FAILED"
	OrderClosed  OrderStatus = "CLOSED"
)

// CreateOrder makes a checkout link and a QR code. It moves no money by itself.
// It is not repeated after an unknown outcome: an order that nobody pays closes.
func (s *BinanceService) CreateOrder(ctx context.Context, p CreateOrderParams) (*BinanceOrder, error) {
	var f faults
	f.amount("amount", p.Amount, 0)
	f.Require("goodsName", p.GoodsName)
	f.Require("goodsDetail", p.GoodsDetail)
	f.Require("currency", p.Currency)
	f.RequireURL("returnUrl", p.ReturnURL)
	f.RequireURL("cancelUrl", p.CancelURL)
	f.callback("callback", p.CallbackURL)
	return call(ctx, s.api, f, transport.Call{
		Op: OpCreateOrder, Body: orderRequest{wire.Integer(p.Amount), p.GoodsName, p.GoodsDetail, p.Currency, p.ReturnURL, p.CancelURL, p.CallbackURL},
	}, decodeOrder)
}

// CloseOrder closes an order before it is paid.
func (s *BinanceService) CloseOrder(ctx context.Context, prepayID string) (*BinanceOrder, error) {
	return s.ofOrder(ctx, OpCloseOrder, prepayID)
}

// GetOrder returns the state of an order.
func (s *BinanceService) GetOrder(ctx context.Context, prepayID string) (*BinanceOrder, error) {
	return s.ofOrder(ctx, OpQueryOrder, prepayID)
}

func (s *BinanceService) ofOrder(ctx context.Context, op, prepayID string) (*BinanceOrder, error) {
	var f faults
	f.RequireReference("prepayId", prepayID)
	return call(ctx, s.api, f, transport.Call{
		Op: op, Reference: prepayID, Body: map[string]string{"prepayId": prepayID},
	}, decodeOrder)
}

type orderRequest struct {
	Amount      wire.Integer `json:"amount"`
	GoodsName   string       `json:"goodsName"`
	GoodsDetail string       `json:"goodsDetail"`
	Currency    string       `json:"currency"`
	ReturnURL   string       `json:"returnUrl"`
	CancelURL   string       `json:"cancelUrl"`
	Callback    string       `json:"callback,omitempty"`
}

func decodeOrder(body []byte) (BinanceOrder, error) {
	var w struct {
		BinanceOrder
		ID string `json:"id"` // of a flat response, which must name the order
	}
	object, wrapped, err := result(body)
	if err == nil {
		err = wire.Unmarshal(object, &w)
	}
	order := w.BinanceOrder
	if order.PrepayID = cmp.Or(order.PrepayID, w.ID); err == nil && !wrapped && order.PrepayID == "" {
		err = wire.Missing("result")
	}
	order.Raw = body
	return order, err
}
