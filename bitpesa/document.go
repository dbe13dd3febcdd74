package bitpesa

import (
	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// DocumentParams describe an upload: a new one (Upload and UploadFileName), or
// one that exists (ID alone).
type DocumentParams struct {
	ID             string `json:"id,omitempty"`
	Upload         string `json:"upload,omitempty"` // a data URI ("data:image/png;base64,...") or a URL
	UploadFileName string `json:"upload_file_name,omitempty"`

	Category       string   `json:"category,omitempty"`
	Side           string   `json:"side,omitempty"` // front or back
	DocumentType   string   `json:"document_type,omitempty"`
	IssuingCountry string   `json:"issuing_country,omitempty"`
	DocumentID     string   `json:"document_id,omitempty"`
	ExpiryDate     string   `json:"expiry_date,omitempty"` // 2006-01-02
	Source         string   `json:"source,omitempty"`
	Metadata       Metadata `json:"metadata,omitempty"`
}

// Document is an uploaded file.
type Document struct {
	DocumentParams // as stored, ID included; Upload is usually empty

	URL               string  `json:"url"`
	UploadContentType string  `json:"upload_content_type"`
	UploadFileSize    int64   `json:"upload_file_size"` // bytes
	Raw               sdk.Raw `json:"-"`
}

func (p *DocumentParams) validate(prefix string, f *transport.Faults) {
	if p.ID == "" {
		f.Require(prefix+"upload", p.Upload)
		f.Require(prefix+"upload_file_name", p.UploadFileName)
	}
	date(f, prefix+"expiry_date", p.ExpiryDate)
}

func (d *Document) lacks() string { return lacksID(d.ID) }
