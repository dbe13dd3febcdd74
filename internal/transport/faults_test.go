package transport_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

func TestFaultsNameWhatIsBlankAndWhatIsNoURL(t *testing.T) {
	var f transport.Faults
	assert.Nil(t, f.Fields)
	f.Require("blank", " \t")
	f.Require("given", "x")
	for field, value := range map[string]string{
		"missing": "", "relative": "/back", "hostless": "https:///back", "ftp": "ftp://shop.example/", "script": "javascript:alert(1)", "garbled": "https://[::1/",
		"portless": "https://:443/", "split": "https://shop.example/a\nb", "escaped": "https://shop.example/%zz",
	} {
		f.RequireURL(field, value)
	}
	f.RequireURL("good", "https://shop.example/back?order=1")
	f.RequireURL("local", "http://127.0.0.1:8080/back")
	f.RequireURL("six", "http://[::1]:8080/back")
	f.RequireURL("loud", "HTTPS://Shop.Example/%7Eback")
	assert.Equal(t, []string{"blank", "escaped", "ftp", "garbled", "hostless", "missing", "portless", "relative", "script", "split"}, f.Fields.Names())
	assert.Equal(t, []string{"is required"}, f.Fields["missing"])
	assert.Equal(t, []string{"must be an absolute http or https URL"}, f.Fields["relative"])
}

func TestFaultsNameAReferenceThatMightNotComeBackAsItWas(t *testing.T) {
	var f transport.Faults
	for field, value := range map[string]string{"missing": "", "space": " order-1", "end": "order-1\t", "break": "order\n1", "delete": "order\x7f1"} {
		f.RequireReference(field, value)
	}
	f.RequireReference("good", "order 1 & <é>")
	assert.Equal(t, []string{"break", "delete", "end", "missing", "space"}, f.Fields.Names())
	assert.Equal(t, []string{"is required"}, f.Fields["missing"])
}

func TestAReferenceHasNoWhiteSpaceAtItsEnds(t *testing.T) {
	// Every character that Python's str.strip takes off, and a few more.
	for _, r := range "\t\n\v\f\r\x1c\x1d\x1e\x1f \u0085\u00a0\u1680\u2000\u2001\u2009\u200a\u2028\u2029\u202f\u205f\u3000\x00\x7f" {
		for _, value := range []string{string(r) + "order-1", "order-1" + string(r), string(r)} {
			var f transport.Faults
			f.CheckReference("refid", value)
			assert.Len(t, f.Fields["refid"], 1, "%q", value)
		}
	}
	var f transport.Faults
	f.RequireReference("missing", "")
	f.RequireReference("odd", "order-\xff")
	assert.Equal(t, []string{"missing", "odd"}, f.Fields.Names())
	for _, value := range []string{"order-1", "order 1", "Bestellung-ä", "注文-1"} {
		var f transport.Faults
		f.RequireReference("refid", value)
		f.CheckReference("optional", "")
		assert.Empty(t, f.Fields, value)
	}
}
