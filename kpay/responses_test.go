package kpay_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

// want is what one response means; sentinel nil is a payment.
type want struct {
	outcome  string
	sentinel error
	code     kpay.Code
	status   kpay.Code // of the payment
}

func refusal(code kpay.Code, sentinel error) want {
	return want{outcome: "rejected", sentinel: sentinel, code: code}
}

func unclear(sentinel error) want { return want{outcome: "unknown", sentinel: sentinel} }

// The second request asks for the payment and meets a refusal, so that what the
// response to Pay itself meant is what the error shows.
func TestResponsesToPayAreClassified(t *testing.T) {
	processing, success := want{status: kpay.CodeProcessing}, want{status: kpay.CodePaid}
	for name, tc := range map[string]struct {
		status int
		body   string
		want   want
	}{
		"pending":                       {200, pending, processing},
		"created":                       {201, pending, processing},
		"success as true":               {200, `{"success":true,"refid":"order-1"}`, processing},
		"success as text":               {200, `{"success":"1","refid":"order-1","retcode":"000"}`, processing},
		"retcode 0 and the refid":       {200, `{"retcode":0,"refid":"order-1"}`, processing},
		"retcode 03":                    {200, `{"success":1,"retcode":"03","refid":"order-1"}`, want{status: kpay.CodePending}},
		"retcode 01 is not a statusid":  {200, `{"success":1,"retcode":"01","refid":"order-1"}`, processing},
		"numbers for texts":             {200, `{"success":1,"retcode":0,"tid":77,"refid":"order-1"}`, processing},
		"null and unknown keys":         {200, `{"success":1,"retcode":null,"url":null,"statusid":null,"refid":"order-1","extra":{"a":[1]}}`, processing},
		"paid at once":                  {200, `{"tid":"E1","refid":"order-1","momtransactionid":"85640192","statusdesc":"SUCCESSFUL","statusid":"01","retcode":0}`, success},
		"paid at once, one digit":       {200, `{"refid":"order-1","statusid":1}`, success},
		"failed at once":                {200, `{"refid":"order-1","statusid":"02","statusdesc":"x"}`, want{status: kpay.CodeFailed}},
		"failed at once, processor":     {200, `{"refid":"order-1","statusid":"682"}`, want{status: "682"}},
		"a statusid that is no number":  {200, `{"refid":"order-1","statusid":"ODD"}`, want{status: "ODD"}},
		"no credentials":                {200, `{"reply":"x","retcode":401}`, refusal("401", sdk.ErrUnauthorized)},
		"no credentials, HTTP 401":      {401, `{"reply":"x","retcode":"401"}`, refusal("401", sdk.ErrUnauthorized)},
		"not over HTTPS":                {200, `{"reply":"x","retcode":500}`, refusal("500", sdk.ErrConfiguration)},
		"not over HTTPS, HTTP 500":      {500, `{"reply":"x","retcode":500}`, refusal("500", sdk.ErrConfiguration)},
		"bad credentials, two keys":     {200, `{"reply":"Invalid PIN","retcode":600}`, refusal("600", sdk.ErrUnauthorized)},
		"bad remote user":               {200, `{"reply":"x","retcode":601}`, refusal("601", sdk.ErrUnauthorized)},
		"not on the allow-list":         {200, `{"reply":"x","retcode":602}`, refusal("602", sdk.ErrForbidden)},
		"not on the allow-list, set-up": {200, `{"reply":"x","retcode":602}`, refusal("602", sdk.ErrConfiguration)},
		"missing parameter":             {400, `{"reply":"x","retcode":603}`, refusal("603", sdk.ErrValidation)},
		"unknown retailer":              {200, `{"reply":"x","retcode":604}`, refusal("604", sdk.ErrConfiguration)},
		"retailer disabled":             {200, `{"reply":"x","retcode":605}`, refusal("605", sdk.ErrConfiguration)},
		"refused by the processor": {200, `{"reply":"TARGET_AUTHORIZATION_ERROR","url":" ","success":0,"authkey":"r","tid":"E","refid":"order-1","retcode":606}`,
			refusal("606", sdk.ErrDeclined)},
		"no rights":              {200, `{"refid":"order-1","success":0,"retcode":606,"statusmsg":"Insufficient permissions for this merchant"}`, refusal("606", sdk.ErrRejected)},
		"no funds":               {200, `{"refid":"order-1","success":0,"retcode":606,"statusmsg":"Not enough funds"}`, refusal("606", sdk.ErrInsufficientFunds)},
		"no funds is a refusal":  {200, `{"refid":"order-1","success":0,"retcode":606,"statusmsg":"Not enough funds"}`, refusal("606", sdk.ErrDeclined)},
		"606 without success":    {200, `{"refid":"order-1","reply":"x","retcode":606}`, refusal("606", sdk.ErrDeclined)},
		"mobile money failed":    {200, `{"refid":"order-1","reply":"x","retcode":607}`, refusal("607", sdk.ErrDeclined)},
		"retcode 02":             {200, `{"refid":"order-1","reply":"x","retcode":"02"}`, refusal("02", sdk.ErrDeclined)},
		"unknown method":         {200, `{"reply":"x","retcode":609}`, refusal("609", sdk.ErrValidation)},
		"unknown institution":    {200, `{"reply":"x","retcode":610}`, refusal("610", sdk.ErrValidation)},
		"a lookup's not found":   {200, `{"reply":"x","retcode":611}`, want{"unknown", sdk.ErrUnexpectedResponse, "611", ""}},
		"success 0, no retcode":  {200, `{"success":0}`, unclear(sdk.ErrUnexpectedResponse)},
		"success 0, odd retcode": {200, `{"success":0,"retcode":699}`, want{"unknown", sdk.ErrUnexpectedResponse, "699", ""}},
		"web server's 401":       {401, `<h1>401</h1>`, unclear(sdk.ErrUnauthorized)},

		"odd retcode, no success":       {200, `{"reply":"x","retcode":699}`, want{"unknown", sdk.ErrUnexpectedResponse, "699", ""}},
		"success 1 and a refusal":       {200, `{"success":1,"retcode":606}`, want{"unknown", sdk.ErrUnexpectedResponse, "606", ""}},
		"success 0 and retcode 0":       {200, `{"success":0,"retcode":0}`, want{"unknown", sdk.ErrUnexpectedResponse, "0", ""}},
		"paid and refused":              {200, `{"refid":"order-1","statusid":"01","retcode":606}`, want{"unknown", sdk.ErrUnexpectedResponse, "01", ""}},
		"paid and success 0":            {200, `{"refid":"order-1","statusid":"01","success":0}`, want{"unknown", sdk.ErrUnexpectedResponse, "01", ""}},
		"a decline of nobody's":         {200, `{"reply":"x","success":0,"retcode":606}`, want{"unknown", sdk.ErrDeclined, "606", ""}},
		"no funds of nobody's":          {200, `{"retcode":606,"statusmsg":"Not enough funds"}`, want{"unknown", sdk.ErrInsufficientFunds, "606", ""}},
		"a failure of nobody's":         {200, `{"reply":"x","retcode":"02"}`, want{"unknown", sdk.ErrDeclined, "02", ""}},
		"mobile money's, of nobody's":   {200, `{"reply":"x","retcode":607,"refid":""}`, want{"unknown", sdk.ErrDeclined, "607", ""}},
		"refused in words of a payment": {200, `{"reply":"PENDING","retcode":606,"refid":"order-1"}`, want{"unknown", sdk.ErrUnexpectedResponse, "606", ""}},
		"a bad parameter, and paid":     {200, `{"retcode":603,"statusdesc":"Successfully processed transaction."}`, want{"unknown", sdk.ErrUnexpectedResponse, "603", ""}},
		"no funds, and paid":            {200, `{"retcode":606,"statusmsg":"Not enough funds","reply":"successful"}`, want{"unknown", sdk.ErrUnexpectedResponse, "606", ""}},
		"taken, and paid":               {200, `{"retcode":608,"statusdesc":"SUCCESSFUL"}`, want{"unknown", sdk.ErrDuplicate, "608", ""}},
		"pending and taken":             {200, `{"refid":"order-1","statusid":"03","retcode":608}`, want{status: kpay.CodePending}},
		"failed, and paid":              {200, `{"refid":"order-1","statusid":"02","statusdesc":"SUCCESSFUL"}`, want{"unknown", sdk.ErrUnexpectedResponse, "02", ""}},
		"pending and refused":           {200, `{"refid":"order-1","statusid":"03","retcode":606}`, want{"unknown", sdk.ErrUnexpectedResponse, "03", ""}},
		"pending and failed":            {200, `{"refid":"order-1","statusid":"0","retcode":"02"}`, want{"unknown", sdk.ErrUnexpectedResponse, "0", ""}},
		"refused in words of a refusal": {200, `{"refid":"order-1","reply":"Unsuccessful","retcode":606}`, refusal("606", sdk.ErrDeclined)},
		"refused, and a pending one":    {200, `{"refid":"order-1","reply":"A pending payment is in the way","retcode":606}`, refusal("606", sdk.ErrDeclined)},
		"about another payment":         {200, `{"success":1,"refid":"order-2","retcode":0}`, unclear(sdk.ErrUnexpectedResponse)},
		"paid, but which":               {200, `{"statusid":"01"}`, unclear(sdk.ErrUnexpectedResponse)},
		"empty object":                  {200, `{}`, unclear(sdk.ErrUnexpectedResponse)},
		"array":                         {200, `[]`, unclear(sdk.ErrUnexpectedResponse)},
		"text":                          {200, `OK`, unclear(sdk.ErrUnexpectedResponse)},
		"empty":                         {200, ``, unclear(sdk.ErrUnexpectedResponse)},
		"cut short":                     {200, pending[:40], unclear(sdk.ErrUnexpectedResponse)},
		"HTML 502":                      {502, `<h1>502</h1>`, unclear(sdk.ErrServer)},
		"pending under a 500":           {500, pending, want{"unknown", sdk.ErrServer, "0", ""}},
		"a refusal under a 503":         {503, `{"success":0,"retcode":606}`, want{"unknown", sdk.ErrServer, "606", ""}},
		"a wrong path":                  {404, `<h1>404</h1>`, unclear(sdk.ErrUnexpectedResponse)},
		"a wrong path in JSON":          {404, `{"detail":"no such page"}`, unclear(sdk.ErrUnexpectedResponse)},
		"a timeout on the way":          {408, `<h1>408</h1>`, unclear(sdk.ErrUnexpectedResponse)},
		"a proxy's 429":                 {429, `<h1>slow down</h1>`, unclear(sdk.ErrRateLimited)},
		"someone else's 403":            {403, `<h1>403</h1>`, unclear(sdk.ErrForbidden)},
		"a lookup's bad parameter":      {200, `{"statusid":"603"}`, want{"unknown", sdk.ErrUnexpectedResponse, "603", ""}},
		"a lookup's credentials":        {200, `{"tid":"","refid":"","statusid":"600","statusdesc":"x"}`, want{"unknown", sdk.ErrUnexpectedResponse, "600", ""}},
		"a lookup's missing tid":        {200, `{"reply":"Missing parameter: tid or refid","retcode":603}`, want{"unknown", sdk.ErrUnexpectedResponse, "603", ""}},
		"its own missing parameter":     {200, `{"reply":"Missing parameter: refid","retcode":603}`, refusal("603", sdk.ErrValidation)},
		"a bad parameter under a 502":   {502, `{"reply":"x","retcode":603}`, want{"unknown", sdk.ErrServer, "603", ""}},
		"credentials under a 500":       {500, `{"reply":"x","retcode":600}`, want{"unknown", sdk.ErrServer, "600", ""}},
		"not over HTTPS, under a 503":   {503, `{"reply":"x","retcode":500}`, want{"unknown", sdk.ErrServer, "500", ""}},
		"a decline under a 401":         {401, `{"success":0,"retcode":606}`, want{"unknown", sdk.ErrUnauthorized, "606", ""}},
		"a bad parameter under a 401":   {401, `{"reply":"x","retcode":603}`, want{"unknown", sdk.ErrUnauthorized, "603", ""}},
		"no credentials under a 403":    {403, `{"reply":"x","retcode":401}`, want{"unknown", sdk.ErrForbidden, "401", ""}},
		"bad credentials, HTTP 401":     {401, `{"reply":"Invalid PIN","retcode":600}`, refusal("600", sdk.ErrUnauthorized)},
		"not allow-listed, HTTP 403":    {403, `{"reply":"x","retcode":602}`, refusal("602", sdk.ErrForbidden)},
		"a decline, HTTP 402":           {402, `{"success":0,"retcode":606,"refid":"order-1"}`, refusal("606", sdk.ErrDeclined)},
		"success alone":                 {200, `{"success":true}`, unclear(sdk.ErrUnexpectedResponse)},
		"retcode 0 alone":               {200, `{"retcode":0}`, unclear(sdk.ErrUnexpectedResponse)},
		"another payment's refusal":     {200, `{"reply":"x","retcode":603,"refid":"order-2"}`, want{"unknown", sdk.ErrUnexpectedResponse, "603", ""}},
		"another payment's decline":     {200, `{"success":0,"retcode":606,"refid":"order-2"}`, want{"unknown", sdk.ErrUnexpectedResponse, "606", ""}},
		"a proxy's errors under a 499":  {499, `{"errors":["client closed request"]}`, unclear(sdk.ErrUnexpectedResponse)},
		"a proxy's no":                  {400, `{"success":false,"errors":[{"code":1000}]}`, unclear(sdk.ErrUnexpectedResponse)},
		"an empty 403":                  {403, ``, unclear(sdk.ErrForbidden)},
		"an empty 404":                  {404, ``, unclear(sdk.ErrUnexpectedResponse)},
		"an empty 499":                  {499, ``, unclear(sdk.ErrUnexpectedResponse)},
		"a 422 without a word":          {422, `{}`, unclear(sdk.ErrUnexpectedResponse)},
		"an upstream's 503":             {503, `upstream connect error`, unclear(sdk.ErrServer)},
		"a 429 with a decline":          {429, `{"success":0,"retcode":606,"refid":"order-1"}`, refusal("606", sdk.ErrDeclined)},
		"a 429 with bad credentials":    {429, `{"reply":"Invalid PIN","retcode":600}`, refusal("600", sdk.ErrUnauthorized)},
		"a 429 with a reply":            {429, `{"reply":"slow"}`, unclear(sdk.ErrRateLimited)},
		"a 429, unreadable code":        {429, `{"retcode":"ABC"}`, want{"unknown", sdk.ErrRateLimited, "ABC", ""}},
		"a 429, yes and no":             {429, `{"retcode":"0","success":false}`, want{"unknown", sdk.ErrRateLimited, "0", ""}},
		"a 429, pending and failed":     {429, `{"reply":"PENDING","statusid":"03","retcode":"606"}`, want{"unknown", sdk.ErrRateLimited, "03", ""}},
		"a 429, a throttle and a code":  {429, `{"reply":"Too Many Requests","retcode":"0"}`, want{"unknown", sdk.ErrRateLimited, "0", ""}},
		"a 429, a throttle and a yes":   {429, `{"reply":"Too Many Requests","success":true}`, unclear(sdk.ErrRateLimited)},
		"a proxy's 429 in JSON":         {429, `{"message":"rate limit"}`, unclear(sdk.ErrRateLimited)},
		"a retcode that is no text":     {200, `{"refid":"order-1","success":1,"retcode":{}}`, unclear(sdk.ErrUnexpectedResponse)},
		"a statusid that is no text":    {200, `{"refid":"order-1","retcode":0,"statusid":[]}`, unclear(sdk.ErrUnexpectedResponse)},
		"success that is no yes or no":  {200, `{"success":"maybe","retcode":0}`, unclear(sdk.ErrUnexpectedResponse)},
	} {
		for behind, mark := range map[string]string{"": "", ", behind a mark": "\ufeff"} {
			t.Run(name+behind, func(t *testing.T) {
				look := respond(200, `{"reply":"x","retcode":601}`)
				if tc.want.outcome == "rejected" && strings.Contains(tc.body, "Not enough funds") { // it stands only if the payment is absent
					look = respond(200, unknown)
				}
				client, s := newClient(t, []step{respond(tc.status, mark+tc.body, "WWW-Authenticate", `Basic realm="kpay"`), look})
				payment, err := client.Pay(t.Context(), validPay())
				if tc.want.sentinel == nil {
					require.NoError(t, err)
					assert.Equal(t, tc.want.status, payment.Status)
					assert.Equal(t, "order-1", payment.RefID)
					assert.Equal(t, "pay", actions(s))
					return
				}
				assert.Nil(t, payment)
				var e *sdk.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, tc.want.outcome, e.Outcome.String())
				assert.ErrorIs(t, err, tc.want.sentinel)
				if strings.HasPrefix(name, "no rights") {
					assert.NotErrorIs(t, err, sdk.ErrInsufficientFunds)
				}
				assert.Equal(t, tc.want.code, kpay.Code(e.Code))
				assert.Equal(t, "order-1", e.Reference)
				assert.Equal(t, tc.status, e.StatusCode)
				assert.Equal(t, tc.body, string(e.Body))
				if tc.want.outcome == "unknown" {
					assert.Equal(t, "pay checkstatus", actions(s), "an unclear response leads to a lookup")
				} else if errors.Is(err, sdk.ErrUnauthorized) {
					assert.Equal(t, "pay", actions(s), "a lookup would be refused as well")
				} else {
					assert.Equal(t, "pay checkstatus", actions(s), "a refusal is looked up once")
				}
			})
		}
	}
}

func TestResponsesToFindAreClassified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tc := range map[string]struct {
			status int
			body   string
			want   want
		}{
			"paid":                      {200, paid, want{status: kpay.CodePaid}},
			"pending":                   {200, awaiting, want{status: kpay.CodePending}},
			"being processed":           {200, `{"refid":"order-1","statusid":"0"}`, want{status: kpay.CodeProcessing}},
			"failed":                    {200, `{"tid":"A1","refid":"order-1","momtransactionid":"","statusid":"02","statusdesc":"x"}`, want{status: kpay.CodeFailed}},
			"failed with a processor's": {200, `{"refid":"order-1","statusid":682}`, want{status: "682"}},
			"failed with 606":           {200, `{"refid":"order-1","statusid":"606"}`, want{status: kpay.CodeProcessingError}},
			"pending by retcode":        {200, `{"refid":"order-1","retcode":0}`, want{status: kpay.CodeProcessing}},
			"not found":                 {200, unknown, refusal("611", sdk.ErrNotFound)},
			"bad credentials":           {200, `{"reply":"Invalid PIN","retcode":600}`, refusal("600", sdk.ErrUnauthorized)},
			"missing parameter":         {200, `{"statusid":"603"}`, refusal("603", sdk.ErrValidation)},
			"not on the allow-list":     {200, `{"refid":"","statusid":"602"}`, refusal("602", sdk.ErrForbidden)},

			"606 of the question":   {200, `{"refid":"order-1","retcode":606,"success":0}`, want{"no effect", sdk.ErrUnexpectedResponse, "606", ""}},
			"failed, and paid":      {200, `{"refid":"order-1","statusid":"02","statusdesc":"SUCCESSFUL"}`, want{"no effect", sdk.ErrUnexpectedResponse, "02", ""}},
			"not found, and paid":   {200, `{"refid":"","statusid":"611","statusdesc":"SUCCESSFUL"}`, want{"no effect", sdk.ErrUnexpectedResponse, "611", ""}},
			"pending and refused":   {200, `{"refid":"order-1","statusid":"03","retcode":606}`, want{"no effect", sdk.ErrUnexpectedResponse, "03", ""}},
			"another payment":       {200, `{"refid":"order-2","statusid":"01"}`, want{outcome: "no effect", sentinel: sdk.ErrUnexpectedResponse}},
			"paid, but which":       {200, `{"refid":"","statusid":"01"}`, want{outcome: "no effect", sentinel: sdk.ErrUnexpectedResponse}},
			"an odd code, no refid": {200, `{"statusid":"682"}`, want{outcome: "no effect", sentinel: sdk.ErrUnexpectedResponse}},
			"HTML 404":              {404, `<h1>404</h1>`, want{outcome: "no effect", sentinel: sdk.ErrUnexpectedResponse}},
			"HTML 502":              {502, `<h1>502</h1>`, want{outcome: "no effect", sentinel: sdk.ErrServer}},
		} {
			client, _ := newClient(t, []step{respond(tc.status, tc.body)})
			payment, err := client.Find(t.Context(), "order-1")
			if tc.want.sentinel == nil {
				require.NoError(t, err, name)
				assert.Equal(t, tc.want.status, payment.Status, name)
				continue
			}
			assert.Nil(t, payment, name)
			var e *sdk.Error
			require.ErrorAs(t, err, &e, name)
			assert.Equal(t, tc.want.outcome, e.Outcome.String(), name)
			assert.ErrorIs(t, err, tc.want.sentinel, name)
			assert.Equal(t, tc.want.code, kpay.Code(e.Code), name)
			assert.NotErrorIs(t, err, sdk.ErrDeclined, "%s: a failed question says nothing about the payment", name)
			assert.Equal(t, tc.want.sentinel == sdk.ErrNotFound, isNotFound(err), "%s: only KPay's own word is absence", name)
		}
	})
}

func TestBlankURLsAreNoCheckoutPage(t *testing.T) {
	for _, url := range []string{`" "`, `""`, `null`} {
		client, _ := newClient(t, []step{respond(200, `{"success":1,"retcode":0,"refid":"order-1","url":`+url+`}`)})
		payment, err := client.Pay(t.Context(), validPay())
		require.NoError(t, err)
		assert.Empty(t, payment.CheckoutURL)
	}
}

func TestTheMessageIsTheFirstThatIsThere(t *testing.T) {
	for body, message := range map[string]string{
		`{"refid":"order-1","retcode":606,"reply":"a","statusdesc":"b","statusmsg":"c","message":"d"}`: "a",
		`{"refid":"order-1","retcode":606,"reply":" ","statusdesc":"b","statusmsg":"c","message":"d"}`: "b",
		`{"refid":"order-1","retcode":606,"reply":"","statusdesc":null,"statusmsg":"c","message":"d"}`: "c",
		`{"refid":"order-1","retcode":606,"message":"d"}`:                                              "d",
		`{"refid":"order-1","retcode":606}`:                                                            "",
	} {
		client, _ := newClient(t, []step{respond(200, body)})
		_, err := client.Pay(t.Context(), validPay())
		var e *sdk.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, message, e.Message)
	}
}

func isNotFound(err error) bool { return errors.Is(err, sdk.ErrNotFound) }

func TestCodesAreReadInEverySpelling(t *testing.T) {
	for text, want := range map[string]kpay.Code{
		"0": kpay.CodeProcessing, "00": kpay.CodeProcessing, "000": kpay.CodeProcessing,
		"1": kpay.CodePaid, "01": kpay.CodePaid, " 01 ": kpay.CodePaid, "001": kpay.CodePaid,
		"2": kpay.CodeFailed, "02": kpay.CodeFailed, "3": kpay.CodePending, "03": kpay.CodePending,
		"608": kpay.CodeDuplicate, "0608": kpay.CodeDuplicate, " 611 ": kpay.CodeNotFound,
		"682": "682", "": "", "  ": "", "-1": "-1", "1.0": "1.0", "PENDING": "PENDING",
	} {
		assert.Equal(t, want, kpay.ParseCode(text), "%q", text)
	}
}

func TestEveryCodeIsOneOfPendingPaidFailedOrNoStateAtAll(t *testing.T) {
	for code, want := range map[kpay.Code]string{
		kpay.CodeProcessing: "pending", kpay.CodePending: "pending", kpay.CodePaid: "paid",
		kpay.CodeFailed: "failed", kpay.CodeProcessingError: "failed", kpay.CodeMobileMoneyFailed: "failed",
		"682": "failed", "04": "failed", "99": "failed",
		kpay.CodeNoCredentials: "", kpay.CodeNotHTTPS: "", kpay.CodeBadCredentials: "", kpay.CodeBadRemoteUser: "",
		kpay.CodeNotAllowListed: "", kpay.CodeMissingParameter: "", kpay.CodeUnknownRetailer: "", kpay.CodeRetailerDisabled: "",
		kpay.CodeDuplicate: "", kpay.CodeUnknownMethod: "", kpay.CodeUnknownInstitution: "", kpay.CodeNotFound: "",
		"": "", "FAILED": "",
	} {
		assert.Equal(t, want == "pending", code.Pending(), code)
		assert.Equal(t, want == "paid", code.Paid(), code)
		assert.Equal(t, want == "failed", code.Failed(), code)
		assert.Equal(t, want == "paid" || want == "failed", code.Final(), code)
	}
}

func TestInstitutionsAndTestCardsHaveTheirNames(t *testing.T) {
	for id, name := range map[kpay.BankID]string{
		"040": "BANQUE DE KIGALI", "130": "COMPAGNIE GENERALE DE BANQUES", "63510": "MTN MOBILE MONEY",
		"63514": "AIRTEL MONEY", "000": "VISA / MASTERCARD", "63502": "SPENN",
		"010": "I&M", "070": "GTBank", "100": "Ecobank", "115": "Access", "145": "Urwego", "160": "KCB", "192": "Equity",
		"400": "BPR", "750": "BRD", "800": "Zigama CSS", "900": "Bank of Africa", "950": "Unguka", "951": "BNR", "63501": "Mobicash",
		"30": "",
	} {
		assert.Equal(t, name, id.Name(), id)
	}
	for id, name := range map[kpay.BankID]string{
		"040": "BK", "130": "COGEBANQUE", "63510": "MTN MOMO", "63514": "AIRTEL MONEY", "000": "CARDS", "63502": "SPENN", "192": "", "30": "", "": "",
	} {
		assert.Equal(t, name, id.ShortName(), id)
	}
	for card, name := range map[kpay.TestCard]string{
		"5101180000000007": "Mastercard Commercial Credit", "5555444433331111": "Mastercard Consumer", "2222400060000007": "Mastercard Debit",
		"4988438843884305": "Visa Classic", "4111111111111111": "Visa Consumer", "4000160000000004": "Visa Debit",
		"378282246310005": "Amex", "371449635398431": "Amex", "4000000000000002": "",
	} {
		assert.Equal(t, name, card.Name(), card)
		assert.True(t, luhn(string(card)), "%s is not a card number", card)
	}
}

// luhn checks a card number's last digit.
func luhn(number string) bool {
	sum := 0
	for i := range number {
		digit := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return sum%10 == 0
}
