package kpaytest_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// browser follows no redirect, so that a test sees where it leads.
func browser(c *http.Client) *http.Client {
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

func visit(t *testing.T, c *http.Client, page string) (int, string) {
	t.Helper()
	res, err := c.Get(page)
	require.NoError(t, err)
	return read(t, res)
}

func submit(t *testing.T, c *http.Client, page string, form url.Values) (status int, location, text string) {
	t.Helper()
	res, err := c.PostForm(page, form)
	require.NoError(t, err)
	status, text = read(t, res)
	return status, res.Header.Get("Location"), text
}

func read(t *testing.T, res *http.Response) (int, string) {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

func card(number string) url.Values {
	return url.Values{"card_number": {number}, "expiry_date": {"12/30"}, "cvv": {"123"}}
}

func TestCheckoutPage(t *testing.T) {
	t.Parallel()
	documents := []string{"5101180000000007", "5555444433331111", "2222400060000007", "4988438843884305", "4111111111111111", "4000160000000004"}
	others := []string{"4242424242424242", "5555555555554444", "378282246310005", "4166676667666746"}
	for i, number := range append(append([]string{}, documents...), others...) {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, kpaytest.Config{})
			page := m.pay(object{"pmethod": "cc", "bankid": "000"})["url"].(string)
			c := browser(m.HTTPClient())
			status, text := visit(t, c, page)
			assert.Equal(t, http.StatusOK, status)
			for _, want := range []string{"Test Shop", "Order #123", "4,200 RWF", `name="card_number"`, `method="post"`} {
				assert.Contains(t, text, want)
			}

			status, location, _ := submit(t, c, page, card(number))
			assert.Equal(t, http.StatusSeeOther, status)
			assert.Equal(t, "http://shop.localhost/thanks", location)
			response := m.status("ref-1")
			require.Len(t, m.postbacks(), 1)
			assert.Equal(t, response, parse(t, m.postbacks()[0].body))
			_, text = visit(t, c, page)
			assert.NotContains(t, text, "<form")
			if i < len(documents) {
				assert.Equal(t, "01", response["statusid"])
				assert.Equal(t, number[:6]+"******"+number[12:], response["payaccount"])
				faketest.WantMoney(t, "4200", m.Balance("02", "RWF"))
				assert.Contains(t, text, "Paid.")
				return
			}
			assert.Equal(t, "02", response["statusid"])
			assert.Equal(t, "Card declined.", response["statusdesc"])
			faketest.WantMoney(t, "0", m.Balance("02", "RWF"))
			assert.Contains(t, text, "Not paid: Card declined.")
		})
	}
}

func TestCheckoutNumberAsTyped(t *testing.T) {
	t.Parallel()
	for typed, statusID := range map[string]string{
		"4111 1111 1111 1111": "01", "4111-1111-1111-1111": "01", " 4111111111111111 ": "01",
		"4111111111111112": "03", "4111111111111": "03", "": "03", "4111": "03", "0": "03", "4111x1111111111111": "03",
		"41111111111111111111": "03", "４１１１１１１１１１１１１１１１": "03",
	} {
		m := newMerchant(t, kpaytest.Config{})
		page := m.pay(object{"pmethod": "cc"})["url"].(string)
		status, _, text := submit(t, browser(m.HTTPClient()), page, url.Values{"card_number": {typed}})
		assert.Equal(t, statusID, m.status("ref-1")["statusid"], typed)
		if statusID == "03" {
			assert.Equal(t, http.StatusUnprocessableEntity, status, typed)
			assert.Contains(t, text, "not a valid card number", typed)
			assert.Contains(t, text, "<form", "the payer can try again")
			assert.Empty(t, m.postbacks())
		}
	}
}

func TestCheckoutExpiryAndSecurityCode(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ expiry, cvv, problem string }{ // the clock stands at April 2026
		{"04/26", "123", ""}, {"12/30", "1234", ""}, {"12 / 99", "123", ""}, {"", "", ""},
		{"03/26", "123", "expired"}, {"13/30", "123", "MM/YY"}, {"2030-12", "123", "MM/YY"}, {"12/2030", "123", "MM/YY"},
		{"12/30", "12", "three or four digits"}, {"12/30", "12345", "three or four digits"}, {"12/30", "12x", "three or four digits"},
	} {
		m := newMerchant(t, kpaytest.Config{})
		page := m.pay(object{"pmethod": "cc"})["url"].(string)
		status, _, text := submit(t, browser(m.HTTPClient()), page, url.Values{
			"card_number": {"4111111111111111"}, "expiry_date": {tc.expiry}, "cvv": {tc.cvv},
		})
		if tc.problem == "" {
			assert.Equal(t, http.StatusSeeOther, status, tc)
			assert.Equal(t, "01", m.status("ref-1")["statusid"])
			continue
		}
		assert.Equal(t, http.StatusUnprocessableEntity, status, tc)
		assert.Contains(t, text, tc.problem, tc)
		assert.Equal(t, "03", m.status("ref-1")["statusid"])
	}
}

func TestCheckoutTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	page := m.pay(object{"pmethod": "cc"})["url"].(string)
	c := browser(m.HTTPClient())
	for _, number := range []string{"4111111111111111", "4111111111111111", "4242424242424242"} {
		status, location, _ := submit(t, c, page, card(number))
		assert.Equal(t, http.StatusSeeOther, status)
		assert.Equal(t, "http://shop.localhost/thanks", location)
	}
	assert.Equal(t, "01", m.status("ref-1")["statusid"])
	assert.Len(t, m.postbacks(), 1)
	assert.Len(t, m.Entries("02", "RWF"), 1)
}

func TestADeclinedPaymentIsNotPaidByAnotherCard(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	page := m.pay(object{"pmethod": "cc"})["url"].(string)
	for _, number := range []string{"4242424242424242", "4111111111111111"} {
		submit(t, browser(m.HTTPClient()), page, card(number))
		assert.Equal(t, "02", m.status("ref-1")["statusid"], number)
	}
	assert.Len(t, m.postbacks(), 1)
	assert.Empty(t, m.Entries("02", "RWF"))
}

// A mobile-money payment has a page too; paid there, it is not paid again by
// the handset.
func TestCheckoutOfAMobileMoneyPayment(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	page := m.pay(nil)["url"].(string)
	submit(t, browser(m.HTTPClient()), page, card("4111111111111111"))
	m.Advance(time.Hour)
	assert.Equal(t, "411111******1111", m.status("ref-1")["payaccount"])
	faketest.WantMoney(t, "4200", m.Balance("02", "RWF"))
	assert.Len(t, m.postbacks(), 1)
}

func TestCheckoutRefusals(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	page := m.pay(object{"pmethod": "cc"})["url"].(string)
	c := browser(m.HTTPClient())
	status, _ := visit(t, c, page+"1")
	assert.Equal(t, http.StatusNotFound, status)
	status, _, _ = submit(t, c, page[:len(page)-1], card("4111111111111111"))
	assert.Equal(t, http.StatusNotFound, status)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, page, nil)
	require.NoError(t, err)
	res, err := c.Do(req)
	require.NoError(t, err)
	status, _ = read(t, res)
	assert.Equal(t, http.StatusMethodNotAllowed, status)
	assert.Equal(t, "03", m.status("ref-1")["statusid"])
}

// What a merchant or payer typed is shown as text, and a browser is sent to web
// addresses only.
func TestCheckoutShowsForeignTextAsText(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	page := m.pay(object{"pmethod": "cc", "details": `<script>alert(1)</script>`})["url"].(string)
	snapshot, err := m.Snapshot() // a snapshot can hold what no request gets past the checks
	require.NoError(t, err)
	require.NoError(t, m.Restore(bytes.Replace(snapshot, []byte("http://shop.localhost/thanks"), []byte("javascript:alert(1)"), 1)))
	c := browser(m.HTTPClient())
	_, text := visit(t, c, page)
	assert.NotContains(t, text, "<script>")
	assert.Contains(t, text, "&lt;script&gt;")
	status, location, text := submit(t, c, page, card("4111111111111111"))
	assert.Equal(t, http.StatusOK, status)
	assert.Empty(t, location)
	assert.Contains(t, text, "Paid.")
	assert.NotContains(t, text, "javascript:")
}

func TestCheckoutPageNeedsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{})
	page := m.pay(object{"pmethod": "cc", "logourl": "https://elsewhere.test/logo.png"})["url"].(string)
	res, err := m.HTTPClient().Get(page)
	require.NoError(t, err)
	_, text := read(t, res)
	assert.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	assert.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'")
	for _, foreign := range []string{"http://", "https://", "src=", "href=", "action="} {
		assert.NotContains(t, text, foreign)
	}
}

// The page's address is one the client can reach, wherever the fake is mounted.
func TestCheckoutURLKnowsTheMount(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ mount, path, public, want string }{
		{"", "/", "", "http://fakes.test/checkout/"},
		{"/kpay", "/kpay/", "", "http://fakes.test/kpay/checkout/"},
		{"/kpay", "/kpay/api/?x=1", "", "http://fakes.test/kpay/checkout/"},
		{"/kpay", "/kpay/api", "", "http://fakes.test/kpay/checkout/"},
		{"/kpay", "/kpay", "", "http://fakes.test/kpay/checkout/"},
		{"/kpay", "/kpay/", "https://tunnel.test/dev", "https://tunnel.test/dev/kpay/checkout/"},
	} {
		m := newMerchant(t, kpaytest.Config{Options: fake.Options{PublicURL: tc.public}})
		req := m.request(order(nil))
		in := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tc.path, req.Body)
		in.Host = "fakes.test"
		in.Header = req.Header
		rec := httptest.NewRecorder()
		http.StripPrefix(tc.mount, m.Fake).ServeHTTP(rec, in)
		page, _ := parse(t, rec.Body.String())["url"].(string)
		assert.True(t, strings.HasPrefix(page, tc.want), "%s from %s", page, tc.path)
		assert.NotContains(t, page, "?")
	}
}
