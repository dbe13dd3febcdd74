package kotanitest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// KYCRecord is a user's record under one schema.
type KYCRecord struct {
	ID      string           `json:"id"`
	Address string           `json:"address"` // in lower case
	Schema  string           `json:"schema"`
	Status  kotani.KYCStatus `json:"status"`
	Data    map[string]any   `json:"data"` // without the documents
}

func kycSchemas() []string {
	return []string{"PersonalDataAndDocuments", "PersonalDataAndDocumentsDetailed"}
}

// KYC returns a user's record under a schema. The letter case of the address does
// not count.
func (f *FiatConnect) KYC(address, schema string) (KYCRecord, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copy(f.state.kyc(address, schema), (*KYCRecord).detach)
}

// KYCRecords are all records, oldest first.
func (f *FiatConnect) KYCRecords() []KYCRecord {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copies(f.state.KYC.All(), (*KYCRecord).detach)
}

// MoveKYC gives a user's record any status and sends the webhook. A missing
// record is made. A text that is no address and an unknown schema are refused
// with fake.ErrNotFound, an unknown status with fake.ErrIllegalMove.
func (f *FiatConnect) MoveKYC(address, schema string, to kotani.KYCStatus) error {
	_, err := f.moveKYC(address, schema, to)
	return err
}

// moveKYC also names the field of the admin call that is wrong.
func (f *FiatConnect) moveKYC(address, schema string, to kotani.KYCStatus) (field string, err error) {
	f.world.Lock()
	defer f.world.Unlock()
	known := []kotani.KYCStatus{kotani.KYCPending, kotani.KYCApproved, kotani.KYCDenied, kotani.KYCExpired}
	switch {
	case !looksLikeWallet(address):
		return "address", fmt.Errorf("kotanitest: address %q: %w", address, fake.ErrNotFound)
	case !slices.Contains(kycSchemas(), schema):
		return "kycSchema", fmt.Errorf("kotanitest: KYC schema %q: %w", schema, fake.ErrNotFound)
	case !slices.Contains(known, to):
		return "kycStatus", fmt.Errorf("kotanitest: KYC status %q: %w: it must be one of %v", to, fake.ErrIllegalMove, known)
	}
	k := f.state.kyc(address, schema)
	if k == nil {
		k = f.newKYC(strings.ToLower(address), schema, map[string]any{})
	}
	f.enterKYC(k, to)
	return "", nil
}

type kycBody struct {
	Address string           `json:"address"`
	Schema  string           `json:"kycSchema"`
	Status  kotani.KYCStatus `json:"kycStatus"`
}

// adminMoveKYC is POST /_fake/fiatconnect/kyc {"address","kycSchema","kycStatus"}.
func (f *FiatConnect) adminMoveKYC(rw http.ResponseWriter, r *http.Request) {
	var in kycBody
	if !fake.AdminBody(rw, r, &in) {
		return
	}
	if field, err := f.moveKYC(in.Address, in.Schema, in.Status); err != nil {
		fake.AdminError(rw, http.StatusBadRequest, field, err.Error())
		return
	}
	fake.AdminRespond(rw, http.StatusOK, in)
}

func (f *FiatConnect) newKYC(address, schema string, data map[string]any) *KYCRecord {
	k := &KYCRecord{ID: f.ids().UUID(), Address: address, Schema: schema, Data: data}
	f.state.KYC.Add(k)
	return k
}

// enterKYC gives a record a status and sends the webhook.
func (f *FiatConnect) enterKYC(k *KYCRecord, status kotani.KYCStatus) {
	k.Status = status
	f.world.Touch(fiatConnectName, k.key())
	f.sendWebhook("WebhookKycStatusEvent", k.Address, k.key(), object{
		"kycSchema": k.Schema, "kycStatus": string(status),
	})
}

// approveKYC ends the wait of a pending record, unless it was deleted.
func (f *FiatConnect) approveKYC(id string) {
	for _, k := range f.state.KYC.All() {
		if k.ID == id && k.Status == kotani.KYCPending {
			f.enterKYC(k, kotani.KYCApproved)
		}
	}
}

// addKYC is POST /kyc/{kycSchema}.
func (f *FiatConnect) addKYC(c *fiatCall) *response {
	schema := c.request.PathValue("kycSchema")
	switch {
	case !slices.Contains(kycSchemas(), schema):
		return problem(http.StatusBadRequest, kotani.ErrUnsupportedSchema)
	case !f.validKYC(schema, c.fields):
		what := lacking(c.fields, "firstName", "lastName", "phoneNumber", "selfieDocument")
		return problem(http.StatusBadRequest, kotani.ErrInvalidSchema).naming(cmp.Or(what, "a field of dateOfBirth or address, the phone number or a document"))
	case f.state.kyc(c.address, schema) != nil:
		return problem(http.StatusConflict, kotani.ErrResourceExists)
	}
	data := map[string]any{}
	for name, v := range c.fields {
		if !strings.Contains(strings.ToLower(name), "document") {
			data[name] = v
		}
	}
	k := f.newKYC(c.address, schema, data)
	status := kotani.KYCApproved
	if f.config.PendingKYC {
		status = kotani.KYCPending
		f.after(f.config.KYCDelay, eventKYC, k.ID)
	}
	c.about = k.key()
	f.enterKYC(k, status)
	return success(object{"kycStatus": string(k.Status), "kycData": k.Data})
}

// kycStatus is GET /kyc/{kycSchema}/status.
func (f *FiatConnect) kycStatus(c *fiatCall) *response {
	k := f.state.kyc(c.address, c.request.PathValue("kycSchema"))
	if k == nil {
		return problem(http.StatusNotFound, kotani.ErrResourceNotFound)
	}
	return success(object{"kycStatus": string(k.Status), "data": k.Data})
}

// deleteKYC is DELETE /kyc/{kycSchema}.
func (f *FiatConnect) deleteKYC(c *fiatCall) *response {
	k := f.state.kyc(c.address, c.request.PathValue("kycSchema"))
	if k == nil {
		return problem(http.StatusNotFound, kotani.ErrResourceNotFound)
	}
	f.state.KYC.Remove(k)
	return success(object{})
}

// checkKYC returns why a user's KYC lets no transfer begin, or "". A single
// approved record is enough.
func (f *FiatConnect) checkKYC(address string) kotani.FiatConnectCode {
	if f.config.KYCNotRequired {
		return ""
	}
	code := kotani.ErrTransferNotAllowed
	for _, k := range f.state.KYC.All() {
		switch {
		case k.Address != address:
		case k.Status == kotani.KYCApproved:
			return ""
		case k.Status == kotani.KYCExpired:
			code = kotani.ErrKycExpired
		}
	}
	return code
}

func (st *fiatConnectState) kyc(address, schema string) *KYCRecord {
	return st.KYC.Find(kycKey(address, schema))
}

func (k *KYCRecord) detach() { k.Data = maps.Clone(k.Data) }

func (k *KYCRecord) key() string { return kycKey(k.Address, k.Schema) }

func kycKey(address, schema string) string { return strings.ToLower(address) + " " + schema }

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// validKYC checks a body against its schema, or against Kotani's own body, which
// has no documents.
func (f *FiatConnect) validKYC(schema string, body map[string]any) bool {
	if _, own := body["celoPublicAddress"]; own && body["selfieDocument"] == nil {
		_, address := body["address"].(map[string]any)
		_, birth := body["dateOfBirth"].(map[string]any)
		phone, _ := body["phoneNumber"].(string)
		number, _ := wire.Phone(phone)
		currency, _ := body["localCurrency"].(string)
		return hasTexts(body, "firstName", "lastName", "phoneNumber", "localCurrency", "celoPublicAddress") && address && birth &&
			!apart(currencyOf(number), currency)
	}
	address, _ := body["address"].(map[string]any)
	birth, _ := body["dateOfBirth"].(map[string]any)
	if !hasTexts(body, "firstName", "lastName", "phoneNumber", "selfieDocument") ||
		!hasTexts(birth, "day", "month", "year") ||
		!hasTexts(address, "address1", "isoCountryCode", "isoRegionCode", "city") ||
		!mayHaveTexts(body, "middleName") || !mayHaveTexts(address, "address2", "postalCode") ||
		!f.validPhone(body["phoneNumber"]) {
		return false
	}
	if schema == kycSchemas()[0] {
		return hasTexts(body, "identificationDocument")
	}
	kind, _ := body["identificationDocumentType"].(string)
	return hasTexts(body, "email", "identificationDocumentFront") &&
		slices.Contains([]string{"IDC", "PAS", "DL"}, kind) &&
		(kind == "PAS" && mayHaveTexts(body, "identificationDocumentBack") || hasTexts(body, "identificationDocumentBack"))
}

// validPhone accepts any text that is not empty: national forms are common.
func (f *FiatConnect) validPhone(v any) bool {
	text, _ := v.(string)
	return text != "" && (!f.config.Quirks.StrictPhones || e164.MatchString(text))
}

// hasTexts reports whether all fields are texts that are not empty.
func hasTexts(o map[string]any, names ...string) bool {
	for _, name := range names {
		if text, _ := o[name].(string); text == "" {
			return false
		}
	}
	return true
}

// mayHaveTexts reports whether all fields are texts or missing.
func mayHaveTexts(o map[string]any, names ...string) bool {
	for _, name := range names {
		if _, ok := o[name].(string); !ok && o[name] != nil {
			return false
		}
	}
	return true
}
