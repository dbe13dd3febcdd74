package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stripe/stripe-go/v85"
	stripewebhook "github.com/stripe/stripe-go/v85/webhook"
	svix "github.com/svix/svix-webhooks/go"

	"github.com/kapiteni/kapiten-go/webhook"
)

const webhookSecret = "peerbench-webhook-secret-0123456789"

// bodySize is the size of each callback.
const bodySize = 300

// padded fills a JSON text with a note up to the size.
func padded(head, tail string) []byte {
	return []byte(head + strings.Repeat("x", bodySize-len(head)-len(tail)) + tail)
}

// callbacks are what is verified: a ride's, and an event of Stripe.
func rideCallback() []byte {
	return padded(`{"event":"status_update","ride_id":"721e54a2-0000-4000-8000-000000000001","reference_number":"KPT-112233","external_id":"order-2026-11-21-0001","status":"PICKED_UP","metadata":{"previous_status":"WAITING_PICKUP","occurred_at":"2026-11-21T12:00:00Z","note":"`, `"}}`)
}

func stripeEvent() []byte {
	return padded(`{"id":"evt_1","object":"event","api_version":"`+stripe.APIVersion+`","created":1795852800,"livemode":false,"pending_webhooks":1,"type":"charge.succeeded","data":{"object":{"id":"ch_1","object":"charge","amount":1200,"currency":"rwf","note":"`, `"}}}`)
}

type callbackByHand struct {
	Event           string          `json:"event"`
	RideID          string          `json:"ride_id"`
	ReferenceNumber string          `json:"reference_number"`
	ExternalID      string          `json:"external_id"`
	Status          string          `json:"status"`
	Metadata        json.RawMessage `json:"metadata"`
}

type eventByHand struct {
	ID         string `json:"id"`
	Object     string `json:"object"`
	APIVersion string `json:"api_version"`
	Created    int64  `json:"created"`
	Livemode   bool   `json:"livemode"`
	Type       string `json:"type"`
	Data       struct {
		Object json.RawMessage `json:"object"`
	} `json:"data"`
}

func hmacOf(parts ...string) []byte {
	m := hmac.New(sha256.New, []byte(webhookSecret))
	for _, part := range parts {
		m.Write([]byte(part))
	}
	return m.Sum(nil)
}

// verified is a side whose signature is made again before each round, because it holds
// the time.
type verified struct {
	body   []byte
	header http.Header
}

func (v *verified) request() *http.Request {
	return &http.Request{Method: http.MethodPost, Header: v.header}
}

// webhookCells verify a callback, and verify and decode a callback.
func webhookCells() (cells []*cell, done func(), err error) {
	return webhookCellsOf(rideCallback(), stripeEvent())
}

func webhookCellsOf(ride, event []byte) (cells []*cell, done func(), err error) {
	key := base64.StdEncoding.EncodeToString([]byte(webhookSecret))
	standard, err1 := standardwebhooks.NewWebhook(key)
	svixed, err2 := svix.NewWebhook(key)
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	hexed := webhook.Signature(webhook.SignatureConfig{Scheme: webhook.HexHeader("X-Shop-Signature", "sha256=")}, webhookSecret)
	timed := webhook.Signature(webhook.SignatureConfig{Scheme: webhook.Timestamped("Stripe-Signature")}, webhookSecret)
	source := webhook.Kapiten()

	bare := func(body []byte, into func() any) func(context.Context) error {
		want, secret := hmacOf(string(body)), []byte(webhookSecret)
		return func(context.Context) error {
			m := hmac.New(sha256.New, secret)
			m.Write(body)
			if !hmac.Equal(m.Sum(nil), want) {
				return errors.New("wrong signature")
			}
			if into == nil {
				return nil
			}
			return json.Unmarshal(body, into())
		}
	}
	// signed makes a side with its request, signed in each round.
	signed := func(name string, body []byte, sign func(http.Header), verify func(*verified) error) *side {
		v := &verified{body: body}
		return &side{
			name:    name,
			prepare: func() error { v.header = http.Header{}; sign(v.header); return nil },
			do:      func(context.Context) error { return verify(v) },
		}
	}
	signHex := func(body []byte) func(http.Header) {
		return func(h http.Header) {
			h.Set("X-Shop-Signature", "sha256="+hex.EncodeToString(hmacOf(string(body))))
		}
	}
	signTimed := func(body []byte) func(http.Header) {
		return func(h http.Header) {
			at := strconv.FormatInt(time.Now().Unix(), 10)
			h.Set("Stripe-Signature", "t="+at+",v1="+hex.EncodeToString(hmacOf(at, ".", string(body))))
		}
	}
	signStandard := func(prefix string, body []byte) func(http.Header) {
		return func(h http.Header) {
			at := strconv.FormatInt(time.Now().Unix(), 10)
			h.Set(prefix+"-Id", "msg_1")
			h.Set(prefix+"-Timestamp", at)
			h.Set(prefix+"-Signature", "v1,"+base64.StdEncoding.EncodeToString(hmacOf("msg_1.", at, ".", string(body))))
		}
	}
	ours := func(auth webhook.Authenticator) func(*verified) error {
		return func(v *verified) error {
			_, err := webhook.Verify(v.request(), v.body, auth)
			return err
		}
	}
	decoding := func(auth webhook.Authenticator) func(*verified) error {
		return func(v *verified) error {
			if err := ours(auth)(v); err != nil {
				return err
			}
			ride, err := source.Decode(v.body)
			if err != nil {
				return err
			}
			return is(ride.ID, "721e54a2-0000-4000-8000-000000000001")
		}
	}
	stripeName := versioned("stripe-go", "github.com/stripe/stripe-go/v85")
	verify := &cell{name: "verify", where: fmt.Sprintf("%d bytes", bodySize), sides: []*side{
		{name: "bare HMAC", do: bare(ride, nil)},
		signed("kapiten-go, hex header", ride, signHex(ride), ours(hexed)),
		signed("kapiten-go, with time", ride, signTimed(ride), ours(timed)),
		signed(stripeName+" ValidatePayload", ride, signTimed(ride), func(v *verified) error {
			return stripewebhook.ValidatePayload(v.body, v.header.Get("Stripe-Signature"), webhookSecret)
		}),
		signed(versioned("standard-webhooks", "github.com/standard-webhooks/standard-webhooks/libraries"), ride, signStandard("Webhook", ride), func(v *verified) error {
			return standard.Verify(v.body, v.header)
		}),
		signed(versioned("svix", "github.com/svix/svix-webhooks"), ride, signStandard("Svix", ride), func(v *verified) error {
			return svixed.Verify(v.body, v.header)
		}),
		{name: "bare HMAC, again", do: bare(ride, nil)},
	}}
	intoRide, intoEvent := func() any { return new(callbackByHand) }, func() any { return new(eventByHand) }
	decodeRide := &cell{name: "verify and decode", where: verify.where, sides: []*side{
		{name: "bare HMAC and encoding/json", do: bare(ride, intoRide)},
		signed("kapiten-go, hex header", ride, signHex(ride), decoding(hexed)),
		signed("kapiten-go, with time", ride, signTimed(ride), decoding(timed)),
		{name: "bare HMAC and encoding/json, again", do: bare(ride, intoRide)},
	}}
	decodeEvent := &cell{name: "verify and decode", where: verify.where, sides: []*side{
		{name: "bare HMAC and encoding/json", do: bare(event, intoEvent)},
		signed(stripeName+" ConstructEvent", event, signTimed(event), func(v *verified) error {
			ev, err := stripewebhook.ConstructEvent(v.body, v.header.Get("Stripe-Signature"), webhookSecret)
			return errors.Join(err, is(ev.ID, "evt_1"))
		}),
		{name: "bare HMAC and encoding/json, again", do: bare(event, intoEvent)},
	}}
	return []*cell{verify, decodeRide, decodeEvent}, func() {}, nil
}
