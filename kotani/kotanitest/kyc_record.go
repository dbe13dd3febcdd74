package kotanitest

import (
	"errors"
	"net/http"
	"slices"
	"strings"

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

var kycSchemas = []string{"PersonalDataAndDocuments", "PersonalDataAndDocumentsDetailed"}

// Reasons for which SetKYC changes nothing.
var (
	ErrKYCSchema = errors.New("kotanitest: unknown KYC schema")
	ErrKYCStatus = errors.New("kotanitest: unknown KYC status: KycPending, KycApproved, KycDenied or KycExpired")
	ErrAddress   = errors.New("kotanitest: not an address")
)

// SetKYC gives a user's record any status, no arrow checked, and tells the
// client. A record that is not there is made.
func (f *FiatConnect) SetKYC(address, schema string, status kotani.KYCStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	switch {
	case !f.isWallet(address):
		return ErrAddress
	case !slices.Contains(kycSchemas, schema):
		return ErrKYCSchema
	case !slices.Contains([]kotani.KYCStatus{kotani.KYCPending, kotani.KYCApproved, kotani.KYCDenied, kotani.KYCExpired}, status):
		return ErrKYCStatus
	}
	k := f.state.kyc(strings.ToLower(address), schema)
	if k == nil {
		k = f.newKYC(strings.ToLower(address), schema, map[string]any{})
	}
	f.enterKYC(k, status)
	return nil
}

func (st *fiatConnectState) kyc(address, schema string) *KYCRecord {
	for _, k := range st.KYC {
		if k.Address == address && k.Schema == schema {
			return k
		}
	}
	return nil
}

func (f *FiatConnect) newKYC(address, schema string, data map[string]any) *KYCRecord {
	k := &KYCRecord{ID: f.ids().UUID(), Address: address, Schema: schema, Data: data}
	f.state.KYC = append(f.state.KYC, k)
	return k
}

// enterKYC gives a record a status and tells the client.
func (f *FiatConnect) enterKYC(k *KYCRecord, status kotani.KYCStatus) {
	k.Status = status
	f.sendWebhook("WebhookKycStatusEvent", k.Address, k.Address+" "+k.Schema, object{
		"kycSchema": k.Schema, "kycStatus": string(status),
	})
}

// addKYC is POST /kyc/{kycSchema}.
func (f *FiatConnect) addKYC(c *fiatCall) reply {
	schema := c.request.PathValue("kycSchema")
	switch {
	case !slices.Contains(kycSchemas, schema):
		return problem(http.StatusBadRequest, kotani.ErrUnsupportedSchema)
	case !f.validKYC(schema, c.fields):
		return problem(http.StatusBadRequest, kotani.ErrInvalidSchema)
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
	f.enterKYC(k, status)
	return fine(object{"kycStatus": string(k.Status), "kycData": k.Data})
}

// kycStatus is GET /kyc/{kycSchema}/status.
func (f *FiatConnect) kycStatus(c *fiatCall) reply {
	k := f.state.kyc(c.address, c.request.PathValue("kycSchema"))
	if k == nil {
		return problem(http.StatusNotFound, kotani.ErrResourceNotFound)
	}
	return fine(object{"kycStatus": string(k.Status), "data": k.Data})
}

// deleteKYC is DELETE /kyc/{kycSchema}.
func (f *FiatConnect) deleteKYC(c *fiatCall) reply {
	k := f.state.kyc(c.address, c.request.PathValue("kycSchema"))
	if k == nil {
		return problem(http.StatusNotFound, kotani.ErrResourceNotFound)
	}
	f.state.KYC = slices.DeleteFunc(f.state.KYC, func(other *KYCRecord) bool { return other == k })
	return fine(object{})
}

// cleared says whether a user's KYC lets a transfer begin: one approved record
// is enough.
func (f *FiatConnect) cleared(address string) kotani.FiatConnectCode {
	if f.config.KYCNotRequired {
		return ""
	}
	code := kotani.ErrTransferNotAllowed
	for _, k := range f.state.KYC {
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

// adminKYC is POST /_fake/fiatconnect/kyc {"address","kycSchema","kycStatus"}.
func (f *FiatConnect) adminKYC(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		Address string           `json:"address"`
		Schema  string           `json:"kycSchema"`
		Status  kotani.KYCStatus `json:"kycStatus"`
	}
	if !fake.AdminBody(rw, r, &in) {
		return
	}
	switch err := f.SetKYC(in.Address, in.Schema, in.Status); {
	case errors.Is(err, ErrAddress):
		fake.AdminError(rw, http.StatusBadRequest, "address", err.Error())
	case errors.Is(err, ErrKYCSchema):
		fake.AdminError(rw, http.StatusBadRequest, "kycSchema", err.Error())
	case err != nil:
		fake.AdminError(rw, http.StatusBadRequest, "kycStatus", err.Error())
	default:
		fake.AdminRespond(rw, http.StatusOK, in)
	}
}
