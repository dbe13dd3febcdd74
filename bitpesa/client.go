package bitpesa

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Documented base URLs. The guides of 2018 and 2019 name BitPesa's own hosts.
// Today the API goes by the name of TransferZero.
const (
	ProductionURL        = "https://api.transferzero.com"
	SandboxURL           = "https://api-sandbox.transferzero.com"
	BitPesaProductionURL = "https://api.bitpesa.co"
	BitPesaSandboxURL    = "https://api-sandbox.bitpesa.co"
)

// Config configures a Client. Give Key, Secret and BaseURL; the zero value of every
// other field is useful. New copies the Config and changes nothing of yours. Printing a
// Config shows neither Key nor Secret.
type Config struct {
	// Key and Secret are the API key pair of the developer portal. The client signs
	// requests with the Secret's text as the portal shows it, and never sends it.
	Key, Secret string

	// BaseURL is the server's address, with or without /v1 at its end: SandboxURL or
	// ProductionURL, say. There is no default, so that no test pays by mistake. It
	// becomes part of every signature, so the server must see the same scheme and
	// host. Plain http is refused for anything but loopback.
	BaseURL string
	// AllowPlainHTTP allows plain http for every host.
	AllowPlainHTTP bool

	// Options are HTTPClient, Logger, OnAttempt, App, MaxAttempts, MinBackoff,
	// MaxBackoff, MaxRetryAfter, AttemptTimeout, WriteIdleTimeout, MaxResponseBytes
	// and Jitter. See sdk.Options.
	sdk.Options
	// CreateAndFundTimeout bounds one attempt of Transactions.CreateAndFund, which
	// may take more than a minute (documented). Default: 3 min. Negative: none.
	CreateAndFundTimeout time.Duration

	// Routes replaces routes of the operation table by name (OpCreateSender, ...).
	// See Operations.
	Routes map[string]sdk.Route
}

const shownConfig = "bitpesa.Config{...}"

// Format keeps credentials out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps credentials out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps credentials out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }

// Client calls the BitPesa API. It is safe for concurrent use.
type Client struct {
	Senders            *SendersService
	Transactions       *TransactionsService
	Recipients         *RecipientsService
	Accounts           *AccountsService
	Debits             *DebitsService
	AccountValidations *AccountValidationsService
	PayoutMethods      *PayoutMethodsService
	PayinMethods       *PayinMethodsService
	Documents          *DocumentsService
	Mandates           *MandatesService
	Webhooks           *WebhooksService
	Logs               *LogsService
	Info               *InfoService

	core       *transport.Core
	fundWithin time.Duration
}

// Metadata is free data of yours. BitPesa stores it with nearly every object and
// returns it in responses and webhooks (documented). Numbers come back as
// json.Number. It is nil when there is none.
type Metadata = map[string]any

const createAndFundTimeout = 3 * time.Minute

// New returns a Client. It reports all faults at once. Errors name the field of Config that is wrong, never a
// credential.
func New(cfg Config) (*Client, error) {
	var faults []error
	fault := func(text string) { faults = append(faults, errors.New("bitpesa: "+text)) }
	if text := transport.HeaderFault(cfg.Key); text != "" {
		fault("Key " + text)
	}
	if text := transport.SecretFault(cfg.Secret); text != "" {
		fault("Secret " + text)
	}
	if strings.IndexFunc(cfg.BaseURL, unprintable) >= 0 {
		// net/http would send another host than the one signed.
		fault("BaseURL holds a space, a control or a non-ASCII character")
		cfg.BaseURL = SandboxURL // has no fault of its own to report
	}
	cfg.BaseURL = strings.TrimSuffix(strings.TrimRight(cfg.BaseURL, "/"), "/v1") // the paths have it
	if cfg.CreateAndFundTimeout == 0 {
		cfg.CreateAndFundTimeout = createAndFundTimeout
	}
	core, err := transport.New(transport.Config{
		Provider: "bitpesa",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
		Operations: operations, Routes: cfg.Routes,
		NoRedirects: true,
		Authorize:   newSigner(cfg.Key, cfg.Secret).authorize,
		Interpret:   interpret,
	})
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	c := &Client{core: core, fundWithin: cfg.CreateAndFundTimeout}
	c.Senders = &SendersService{c}
	c.Transactions = &TransactionsService{c}
	c.Recipients = &RecipientsService{c}
	c.Accounts = &AccountsService{c}
	c.Debits = &DebitsService{c}
	c.AccountValidations = &AccountValidationsService{c}
	c.PayoutMethods = &PayoutMethodsService{c}
	c.PayinMethods = &PayinMethodsService{c}
	c.Documents = &DocumentsService{c}
	c.Mandates = &MandatesService{c}
	c.Webhooks = &WebhooksService{c}
	c.Logs = &LogsService{c}
	c.Info = &InfoService{c}
	return c, nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// Do calls an endpoint that this package does not know, with the client's
// credentials, retries and errors. It returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}

// do carries out a call.
func (c *Client) do(ctx context.Context, call transport.Call) error {
	err := c.core.Do(ctx, call)
	if err != nil && c.core.Operation(call.Op).Class == sdk.Safe && errors.Is(err, sdk.ErrUnauthorized) {
		// When a kept connection breaks, net/http sends a read again by itself, with
		// the same nonce. A server that has seen the nonce responds with 401.
		err = c.core.Do(ctx, call)
	}
	return err
}

// byID sends an operation that needs only the id of its object.
func byID[T any](ctx context.Context, c *Client, op, id string) (*T, error) {
	return write[T](ctx, c, op, id, transport.Faults{}, nil, nil)
}

// write sends a body, or none, about the object with an id. f holds the faults
// found so far. compare, if there is one, compares the object with what was asked for.
func write[T any](ctx context.Context, c *Client, op, id string, f transport.Faults, body any, compare func(*T) transport.Comparison) (*T, error) {
	checkID(&f, "id", id)
	return send[T](ctx, c, f, transport.Call{Op: op, Path: []string{id}, Reference: id, Body: body}, namedBy(id, compare))
}

// namedBy decodes the object with an id.
func namedBy[T any](id string, compare func(*T) transport.Comparison) func(body []byte) (T, error) {
	return func(body []byte) (T, error) {
		value, err := object[T](body)
		if err = firstOf(err, checkSameID(id, &value)); err == nil && compare != nil {
			c := compare(&value)
			err = c.Direct()
		}
		return value, err
	}
}

// remove sends a DELETE about the object with an id. An empty 200, 202 or 204 is a
// success, and so is an object without its id: the result has the id that was asked
// for.
func remove[T any](ctx context.Context, c *Client, op, id string) (*T, error) {
	var f transport.Faults
	checkID(&f, "id", id)
	return send[T](ctx, c, f, transport.Call{Op: op, Path: []string{id}, Reference: id}, func(body []byte) (value T, err error) {
		named, _ := any(&value).(interface{ ident() *string })
		if len(bytes.TrimSpace(body)) == 0 {
			*named.ident() = id
			return value, nil
		}
		raw, err := unwrap(body)
		if err == nil {
			err = wire.Unmarshal(raw, &value)
		}
		if err != nil {
			return value, err
		}
		if *named.ident() == "" {
			*named.ident() = id
		}
		return value, firstOf(complete(&value), checkSameID(id, &value))
	})
}

// checkID checks an id that BitPesa has given.
func checkID(f *transport.Faults, field, id string) {
	if fault := transport.CheckSegment(id); fault != nil {
		f.Add(field, fault.Error())
	}
}

// checkSameID returns an error if a response is about another object.
func checkSameID(id string, object any) error {
	named, ok := object.(interface{ ident() *string })
	if !ok {
		return nil
	}
	var c transport.Comparison
	c.Fold("id", id, *named.ident())
	return c.Direct()
}

// firstOf is the first of two errors.
func firstOf(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// create sends a new object that has no reference of the caller's.
func create[T any](ctx context.Context, c *Client, op string, f transport.Faults, body any) (*T, error) {
	return send[T](ctx, c, f, transport.Call{Op: op, Body: body}, object[T])
}

// send carries out a call, unless it has faults, and decodes the object of the
// response.
func send[T any](ctx context.Context, c *Client, f transport.Faults, call transport.Call, decode func(body []byte) (T, error)) (result *T, err error) {
	if err := c.core.InvalidCall(call, f.Fields); err != nil {
		return nil, err
	}
	call.Decode = transport.Into(&result, decode)
	err = c.do(ctx, call)
	return result, err
}

// list reads a list that has no pages (documented), as one page. A response that tells of
// more gives the page with an error: its rest cannot be asked for.
func list[T any](ctx context.Context, c *Client, f transport.Faults, call transport.Call) (page *Page[T], err error) {
	if err := c.core.InvalidCall(call, f.Fields); err != nil {
		return nil, err
	}
	call.Decode = func(r *transport.Response) (err error) {
		page, err = decodePage[T](r.Body, 1)
		return err
	}
	err = c.do(ctx, call)
	if err == nil && (page.unfollowed || page.NextPage != 0 || page.seen() < page.rows) {
		return page, c.core.Inconclusive(call.Op, call.Reference, errUnreadPages)
	}
	return page, err
}
