package kotani

import (
	"context"
	"encoding/json"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// KYCRecord is what the provider holds about a user under one schema.
type KYCRecord struct {
	Schema KYCSchema
	Status KYCStatus
	Data   json.RawMessage // Kotani's "kycData" or "data"; not in the specification
	Raw    sdk.Raw
}

// AddKYC gives the provider a user's data. A record that exists gives
// ErrResourceExists: delete it first. It moves no money, and after an unknown
// outcome KYCStatus tells.
func (f *FiatConnect) AddKYC(ctx context.Context, data KYCData) (*KYCRecord, error) {
	var bad faults
	var schema KYCSchema
	var body any
	if data == nil {
		bad.Add("data", "is required")
	} else {
		schema, body = data.kyc(&bad)
	}
	return f.record(ctx, OpAddKYC, schema, bad, body)
}

// KYCStatus returns the state of a user's record. Without one the error is
// ErrResourceNotFound.
func (f *FiatConnect) GetKYC(ctx context.Context, schema KYCSchema) (*KYCRecord, error) {
	return f.record(ctx, OpKYCStatus, schema, schemaFaults(schema), nil)
}

// DeleteKYC deletes a user's record. A second time gives ErrResourceNotFound.
func (f *FiatConnect) DeleteKYC(ctx context.Context, schema KYCSchema) error {
	if err := f.invalid(OpDeleteKYC, string(schema), schemaFaults(schema)); err != nil {
		return err
	}
	return f.core.Do(ctx, transport.Call{Op: OpDeleteKYC, Path: []string{string(schema)}, Reference: string(schema)})
}

// WaitKYC asks for a record every few seconds, up to half a minute apart, until
// it is decided upon, and returns it. When the context ends first, it returns
// the record as last seen, if it was seen, with the error.
func (f *FiatConnect) WaitKYC(ctx context.Context, schema KYCSchema) (*KYCRecord, error) {
	var last *KYCRecord
	err := f.core.Poll(ctx, OpKYCStatus, string(schema), pollMin, pollMax, func(ctx context.Context) (bool, error) {
		record, err := f.GetKYC(ctx, schema)
		if err != nil {
			return false, err
		}
		last = record
		return record.Status.Decided(), nil
	})
	return last, err
}

func schemaFaults(schema KYCSchema) (bad faults) {
	bad.segment("kycSchema", string(schema))
	return bad
}

func (f *FiatConnect) record(ctx context.Context, op string, schema KYCSchema, bad faults, body any) (*KYCRecord, error) {
	if err := f.invalid(op, string(schema), bad); err != nil {
		return nil, err
	}
	var record *KYCRecord
	err := f.core.Do(ctx, transport.Call{
		Op: op, Path: []string{string(schema)}, Reference: string(schema), Body: body,
		Decode: into(&record, func(body []byte) (KYCRecord, error) {
			var w struct {
				Status string          `json:"kycStatus"`
				Data   json.RawMessage `json:"data"`
				KYC    json.RawMessage `json:"kycData"`
			}
			err := wire.Unmarshal(body, &w)
			if err == nil && w.Status == "" {
				err = missing("kycStatus")
			}
			if w.KYC != nil {
				w.Data = w.KYC
			}
			return KYCRecord{Schema: schema, Status: KYCStatus(w.Status), Data: w.Data, Raw: body}, err
		}),
	})
	return record, err
}
