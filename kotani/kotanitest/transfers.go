package kotanitest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Transfer is a transfer as the fake keeps it.
type Transfer struct {
	ID            string                `json:"id"`
	User          string                `json:"user"` // wallet address, in lower case
	Type          kotani.TransferType   `json:"type"`
	Status        kotani.TransferStatus `json:"status"`
	Fiat          string                `json:"fiat"`
	Crypto        string                `json:"crypto"`
	FiatAmount    decimal.Decimal       `json:"fiat_amount"`
	CryptoAmount  decimal.Decimal       `json:"crypto_amount"`
	Fee           decimal.Decimal       `json:"fee"` // fiat for a transfer in, else crypto
	QuoteID       string                `json:"quote_id"`
	FiatAccountID string                `json:"fiat_account_id"`
	Address       string                `json:"address"` // where the crypto comes from, or has to go
	TxHash        string                `json:"tx_hash"` // of a transfer in, once the crypto is sent
	UserAction    map[string]any        `json:"user_action"`
	Guaranteed    time.Time             `json:"guaranteed"` // until when the quote holds
	Scenario      fake.Scenario         `json:"outcome"`    // chosen when it was accepted
	Created       time.Time             `json:"created"`
}

// Scenarios of transfers, beside fake.ScenarioPaid and fake.ScenarioFailed. The
// last four characters of the fiat account's number choose them.
const (
	ScenarioAML     fake.Scenario = "aml"      // 0002: out: TransferAmlFailed; in: TransferFailed after the fiat arrived
	ScenarioNoMoney fake.Scenario = "no-money" // 0003: the user never sends anything
)

// Transfer returns a transfer.
func (f *FiatConnect) Transfer(id string) (Transfer, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copy(f.state.Transfers.Find(id), (*Transfer).detach)
}

// Transfers are all transfers, oldest first.
func (f *FiatConnect) Transfers() []Transfer {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copies(f.state.Transfers.All(), (*Transfer).detach)
}

// MoveTransfer carries out one transition of the specification now. Another
// transition, or a failure of a transfer out before its quote expires, is
// refused with fake.ErrIllegalMove, an unknown id with fake.ErrNotFound.
func (f *FiatConnect) MoveTransfer(id string, to kotani.TransferStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	t := f.state.Transfers.Find(id)
	if t == nil {
		return fmt.Errorf("kotanitest: transfer %q: %w", id, fake.ErrNotFound)
	}
	waiting := t.Status == kotani.TransferReadyForUserToSendCryptoFunds
	switch {
	case !slices.Contains(f.transitions(t), to):
		return fmt.Errorf("kotanitest: transfer %s: %w: %s to %s", id, fake.ErrIllegalMove, t.Status, to)
	case waiting && to == kotani.TransferFailed && f.world.Now().Before(t.Guaranteed):
		return fmt.Errorf("kotanitest: transfer %s: %w: the quote has not expired yet", id, fake.ErrIllegalMove)
	}
	f.enter(t, to)
	return nil
}

// transitions are the states to which a transfer can go, the usual one first. A
// transfer in waits for the user or debits the account, never both.
func (f *FiatConnect) transitions(t *Transfer) []kotani.TransferStatus {
	next := func(usual kotani.TransferStatus, others ...kotani.TransferStatus) []kotani.TransferStatus {
		return append(append([]kotani.TransferStatus{usual}, others...), kotani.TransferFailed)
	}
	in := t.Type == kotani.TransferTypeIn
	switch {
	case !in && t.Status == kotani.TransferStarted:
		return next(kotani.TransferReadyForUserToSendCryptoFunds, kotani.TransferAmlFailed)
	case !in && t.Status == kotani.TransferReadyForUserToSendCryptoFunds:
		return next(kotani.TransferReceivedCryptoFunds)
	case !in && t.Status == kotani.TransferReceivedCryptoFunds:
		return next(kotani.TransferComplete)
	case in && t.Status == kotani.TransferStarted && t.UserAction == nil:
		return next(kotani.TransferFiatFundsDebited)
	case in && t.Status == kotani.TransferStarted:
		return next(kotani.TransferWaitingForUserAction)
	case in && (t.Status == kotani.TransferFiatFundsDebited || t.Status == kotani.TransferWaitingForUserAction):
		return next(kotani.TransferReceivedFiatFunds)
	case in && t.Status == kotani.TransferReceivedFiatFunds:
		return next(kotani.TransferSendingCryptoFunds)
	case in && t.Status == kotani.TransferSendingCryptoFunds:
		return next(kotani.TransferComplete)
	}
	return nil
}

// step takes a transfer to the next state of its scenario.
func (f *FiatConnect) step(t *Transfer) {
	possible := f.transitions(t)
	if len(possible) == 0 {
		return
	}
	next := possible[0]
	user := t.Status == kotani.TransferWaitingForUserAction || t.Status == kotani.TransferReadyForUserToSendCryptoFunds
	switch {
	case t.Scenario == ScenarioNoMoney && user:
		return
	case t.Scenario == ScenarioAML && t.Type == kotani.TransferTypeOut && t.Status == kotani.TransferStarted:
		next = kotani.TransferAmlFailed
	case t.Scenario == ScenarioAML && t.Status == kotani.TransferReceivedFiatFunds,
		t.Scenario == fake.ScenarioFailed && t.Type == kotani.TransferTypeIn && t.Status != kotani.TransferStarted,
		t.Scenario == fake.ScenarioFailed && t.Status == kotani.TransferReceivedCryptoFunds:
		next = kotani.TransferFailed
	}
	f.enter(t, next)
}

// enter gives a transfer a state, sends the webhook and schedules the next step.
// It returns the webhook's delivery, if there is one.
func (f *FiatConnect) enter(t *Transfer, status kotani.TransferStatus) (delivery string) {
	t.Status = status
	if status == kotani.TransferSendingCryptoFunds {
		t.TxHash = "0x" + f.ids().Hex(64)
	}
	event := "WebhookTransferInStatusEvent"
	if t.Type == kotani.TransferTypeOut {
		event = "WebhookTransferOutStatusEvent" // such a transfer has neither txHash nor userActionDetails
	}
	if !f.config.ManualTransfers && len(f.transitions(t)) > 0 {
		f.after(f.config.StepDelay, eventStep, t.ID)
	}
	return f.sendWebhook(event, t.User, t.ID, t.wire())
}

type transferBody struct {
	Status kotani.TransferStatus `json:"status"`
}

// adminMoveTransfer is POST /_fake/fiatconnect/transfers/{id}/status
// {"status":...}.
func (f *FiatConnect) adminMoveTransfer(rw http.ResponseWriter, r *http.Request) {
	var in transferBody
	if !fake.AdminBody(rw, r, &in) {
		return
	}
	known := []kotani.TransferStatus{
		kotani.TransferStarted, kotani.TransferFiatFundsDebited, kotani.TransferWaitingForUserAction,
		kotani.TransferSendingCryptoFunds, kotani.TransferAmlFailed, kotani.TransferReadyForUserToSendCryptoFunds,
		kotani.TransferReceivedCryptoFunds, kotani.TransferReceivedFiatFunds, kotani.TransferComplete, kotani.TransferFailed,
	}
	if !slices.Contains(known, in.Status) {
		fake.AdminError(rw, http.StatusBadRequest, "status", fmt.Sprintf("status must be one of %v", known))
		return
	}
	id := r.PathValue("id")
	err := f.MoveTransfer(id, in.Status)
	t, _ := f.Transfer(id)
	fake.AdminMoved(rw, t.wire(), err, "id", "status")
}

// transfer is POST /transfer/in and /transfer/out.
func (f *FiatConnect) transfer(c *fiatCall, kind kotani.TransferType) *response {
	return f.once(c, func() *response { return f.begin(c, kind) })
}

func (f *FiatConnect) begin(c *fiatCall, kind kotani.TransferType) *response {
	if !hasTexts(c.fields, "fiatAccountId", "quoteId") {
		return problem(http.StatusBadRequest, kotani.ErrInvalidParameters).naming(lacking(c.fields, "fiatAccountId", "quoteId"))
	}
	a := f.account(c.address, c.optional("fiatAccountId"))
	q := f.state.Quotes.Find(c.optional("quoteId"))
	switch {
	case a == nil:
		return problem(http.StatusNotFound, kotani.ErrResourceNotFound).naming("fiatAccountId")
	case q == nil, q.Address != "" && q.Address != c.address, q.Type != kind, !f.world.Now().Before(q.Until):
		return problem(http.StatusBadRequest, kotani.ErrInvalidQuote).naming("quoteId is unknown, expired, of another direction or of another user")
	case a.Country != "" && a.Country != q.Country: // not among the values the quote allowed
		return problem(http.StatusBadRequest, kotani.ErrInvalidFiatAccount)
	}
	if code := f.checkKYC(c.address); code != "" {
		return problem(http.StatusBadRequest, code)
	}
	t := &Transfer{
		ID: f.ids().UUID(), User: c.address, Type: kind, Fiat: q.Fiat, Crypto: q.Crypto,
		FiatAmount: q.FiatAmount, CryptoAmount: q.CoinAmount, Fee: q.Fee, QuoteID: q.ID, FiatAccountID: a.ID,
		Guaranteed: q.Until, Created: f.world.Now(),
	}
	t.Scenario = cmp.Or(fake.Scenarios{
		"0001": fake.ScenarioFailed, "0002": ScenarioAML, "0003": ScenarioNoMoney,
	}.Choose("", a.Number), fake.ScenarioPaid)
	t.Address = checksummed(f.ids().Derived(40, "transfer", t.ID))
	if kind == kotani.TransferTypeIn && !f.config.ProviderInitiated {
		t.UserAction = userAction(t, a)
	}
	f.state.Transfers.Add(t)
	c.first = f.enter(t, kotani.TransferStarted)
	body := object{"transferId": t.ID, "transferStatus": string(t.Status), "transferAddress": t.Address}
	if t.UserAction != nil {
		body["userActionDetails"] = t.UserAction
	}
	return success(body)
}

// userAction is what the user of a transfer in has to do, by the account's
// schema.
func userAction(t *Transfer, a *FiatAccount) map[string]any {
	schema, _ := findAccountSchema(a.Schema)
	o := map[string]any{"userActionType": string(schema.action)}
	switch schema.action {
	case "PIXUserAction":
		o["pixString"] = "pix-" + t.ID
	case "IBANUserAction":
		o["iban"], o["bic"] = "DE89370400440532013000", "COBADEFFXXX"
	case "AccountNumberUserAction":
		o["institutionName"], o["accountName"], o["accountNumber"] = "Test Bank", "Kotani Pay", "0123456789"
		o["transactionReference"], o["deadline"] = strings.ToUpper(t.ID[:8]), timestamp(t.Guaranteed)
	default:
		o["url"] = "https://pay.kotani.example/" + t.ID
	}
	return o
}

// transferStatus is GET /transfer/{transferId}/status.
func (f *FiatConnect) transferStatus(c *fiatCall) *response {
	t := f.state.Transfers.Find(c.request.PathValue("transferId"))
	if t == nil || t.User != c.address {
		return problem(http.StatusNotFound, kotani.ErrResourceNotFound)
	}
	return success(t.wire())
}

func (t *Transfer) detach() { t.UserAction = maps.Clone(t.UserAction) }

// wire is the status object of responses and webhooks.
func (t *Transfer) wire() object {
	provided, received := t.CryptoAmount, t.FiatAmount
	if t.Type == kotani.TransferTypeIn {
		provided, received = received, provided
	}
	o := object{
		"status": string(t.Status), "transferType": string(t.Type), "fiatType": t.Fiat, "cryptoType": t.Crypto,
		"amountProvided": provided.String(), "amountReceived": received.String(), "fiatAccountId": t.FiatAccountID,
		"transferId": t.ID, "transferAddress": t.Address,
	}
	if t.Fee.IsPositive() {
		o["fee"] = t.Fee.String()
	}
	if t.TxHash != "" {
		o["txHash"] = t.TxHash
	}
	if t.UserAction != nil {
		o["userActionDetails"] = t.UserAction
	}
	return o
}

// keyedRequest is a request under an Idempotency-Key, with its response. Keys
// belong to their user and are kept for good, unless there is a KeyLifetime.
type keyedRequest struct {
	Payload string    `json:"payload"` // path and body, the body's keys in order
	Running bool      `json:"running"` // the response has not gone out yet
	Status  int       `json:"status"`
	Body    string    `json:"body"`
	At      time.Time `json:"at"`
}

// once carries out the first request under a key. Later requests get the same
// response, success or error. The specification refers to an IETF draft: 400
// without a key, 422 for another payload, 409 while the first request is at
// work. It names no codes for these; they are assumed.
func (f *FiatConnect) once(c *fiatCall, work func() *response) *response {
	key := strings.TrimSpace(c.request.Header.Get("Idempotency-Key"))
	if inner, ok := strings.CutPrefix(key, `"`); ok { // the draft quotes it, most clients do not
		key = strings.TrimSuffix(inner, `"`)
	}
	if key == "" {
		return problem(http.StatusBadRequest, kotani.ErrInvalidParameters).naming("the header Idempotency-Key is missing")
	}
	payload := c.request.URL.Path + " " + string(fake.Encode(c.fields))
	id := c.address + " " + key
	life := f.config.Quirks.KeyLifetime
	if earlier, ok := f.state.Requests[id]; ok && (life <= 0 || f.world.Now().Before(earlier.At.Add(life))) {
		switch {
		case earlier.Payload != payload:
			return problem(http.StatusUnprocessableEntity, kotani.ErrInvalidParameters).naming("the Idempotency-Key was used with another payload")
		case earlier.Running:
			return problem(http.StatusConflict, kotani.ErrResourceExists).naming("the first request under the Idempotency-Key is at work")
		}
		return &response{status: earlier.Status, body: json.RawMessage(earlier.Body)}
	}
	first := work()
	f.state.Requests[id] = keyedRequest{
		Payload: payload, Running: c.first != "", Status: first.status, Body: string(fake.Encode(first.body)),
		At: f.world.Now(),
	}
	c.key = id
	return first
}

// finish records that a request's response goes out.
func (f *FiatConnect) finish(c *fiatCall) {
	f.world.Lock()
	defer f.world.Unlock()
	if r, ok := f.state.Requests[c.key]; ok {
		r.Running = false
		f.state.Requests[c.key] = r
	}
}
