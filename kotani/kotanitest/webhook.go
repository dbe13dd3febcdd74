package kotanitest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const signatureHeader = "FiatConnect-Signature"

// sendWebhook posts an event to the client whose key came with the user's calls,
// if there is one, and returns the delivery.
func (f *FiatConnect) sendWebhook(event, address, subject string, payload object) string {
	client := f.state.Keys[f.state.Clients[address]]
	if client == nil {
		return ""
	}
	body := encode(object{
		"eventType": event, "provider": providerName, "eventId": f.ids().UUID(),
		"timestamp": strconv.FormatInt(f.world.Now().Unix(), 10), "address": checksummed(address[2:]), "payload": payload,
	})
	return f.world.Send(fake.Callback{
		Provider: fiatConnectName, Event: event, Subject: subject, URL: client.Webhook,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Tag: client.APIKey,
	})
}

// signWebhook signs each attempt anew: t is the time it is sent.
func (f *FiatConnect) signWebhook(d fake.Delivery, h http.Header) {
	client := f.state.Keys[d.Tag]
	if client == nil {
		return
	}
	secret := client.WebhookSecret
	if d.Forged {
		secret = "not the secret"
	}
	at := strconv.FormatInt(f.world.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s", at, d.Body)
	h.Set(signatureHeader, "t="+at+",v1="+hex.EncodeToString(mac.Sum(nil)))
}

// acknowledgedWebhook takes 200 and nothing else, as specified.
func acknowledgedWebhook(_ fake.Delivery, status int, _ []byte) bool { return status == http.StatusOK }
