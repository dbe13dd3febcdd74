package bitpesatest

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// document is an uploaded file. The fake measures its contents and forgets them.
type document struct {
	ID          string    `json:"id"`
	Fields      object    `json:"fields"`
	URL         string    `json:"url"`
	ContentType string    `json:"content_type"`
	Size        int       `json:"size"`
	Created     time.Time `json:"created"`
}

func documentFields() []string {
	return strings.Fields("upload_file_name metadata category side document_type issuing_country document_id expiry_date source")
}

func (f *Fake) documentObject(d *document) object {
	out := object{
		"id": d.ID, "url": orNull(d.URL), "upload_content_type": orNull(d.ContentType), "upload_file_size": d.Size,
		"upload": nil, "created_at": f.stamp(d.Created, spelledRFC), "errors": object{},
	}
	for _, field := range documentFields() {
		out[field] = d.Fields[field]
	}
	out["metadata"] = orEmpty(child(d.Fields, "metadata"))
	return out
}

func checkDocument(in object) problems {
	p := problems{}
	p.require(in, "upload", "upload_file_name")
	if upload := text(in, "upload"); upload != "" {
		if _, _, ok := readUpload(upload); !ok {
			p.add("upload", wordInvalid)
		}
	}
	p.texts(in, "side")
	p.dates(in, "expiry_date")
	return p
}

// readUpload takes a data URI or the URL of a file. The base64 of the published
// example has line breaks and no padding, so readUpload accepts both.
func readUpload(upload string) (contentType string, size int, ok bool) {
	rest, isData := strings.CutPrefix(upload, "data:")
	if !isData {
		return "", 0, fake.IsWebURL(upload)
	}
	head, payload, found := strings.Cut(rest, ",")
	contentType, isBase64 := strings.CutSuffix(head, ";base64")
	if !found || !isBase64 {
		return "", 0, false
	}
	payload = strings.TrimRight(strings.NewReplacer("\n", "", "\r", "", " ", "").Replace(payload), "=")
	n, err := base64.RawStdEncoding.Decode(make([]byte, base64.RawStdEncoding.DecodedLen(len(payload))), []byte(payload))
	return contentType, n, err == nil
}

// addDocument stores a checked document. The lock is held.
func (f *Fake) addDocument(a *account, in object) *document {
	d := &document{ID: f.newID(), Fields: withDates(pick(in, documentFields()), "expiry_date"), Created: f.now()}
	upload := text(in, "upload")
	d.ContentType, d.Size, _ = readUpload(upload)
	if !strings.HasPrefix(upload, "data:") {
		d.URL = upload
	}
	a.Documents.Add(d)
	return d
}

func (f *Fake) listDocuments(c *call) response {
	return page(c, newest(&c.account.Documents, nil), f.documentObject)
}

func (f *Fake) getDocument(_ *call, d *document) response { return success(f.documentObject(d)) }

func (f *Fake) createDocument(c *call, in object) response {
	if p := checkDocument(in); len(p) > 0 {
		return invalid(in, p)
	}
	return created(f.documentObject(f.addDocument(c.account, in)))
}

// planDocument reads a document inside a sender: an id, or a new document.
func (plan *senderPlan) planDocument(a *account, entry any, p problems) {
	in, ok := entry.(object)
	if !ok {
		p.add("documents", wordInvalid)
		return
	}
	if id := text(in, "id"); id != "" {
		if a.Documents.Find(id) == nil {
			in["errors"] = problems{"id": {{"error": wordInvalid}}}
			p.add("documents", wordInvalid)
			return
		}
		plan.linked = append(plan.linked, id)
		return
	}
	errors := checkDocument(in)
	in["errors"] = errors
	if len(errors) > 0 {
		p.add("documents", wordInvalid)
		return
	}
	plan.documents = append(plan.documents, in)
}
