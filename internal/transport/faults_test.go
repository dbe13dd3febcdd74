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
