package kapitentest

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// content is a parsed request body: a JSON value, or the fields of a form.
type content struct {
	json any
	form url.Values // not nil: the body is a form
}

// readContent parses a body by its type. The failure is answered only when a
// view asks for the body: an unknown token is found out first.
func readContent(r *http.Request) (content, *answer) {
	raw, err := io.ReadAll(r.Body) // in memory already
	if err != nil {
		return content{}, detail(http.StatusBadRequest, "Malformed request.")
	}
	header := r.Header.Get("Content-Type")
	kind := mediaType(header)
	isForm := kind == "application/x-www-form-urlencoded" || kind == "multipart/form-data"
	if len(raw) == 0 {
		if isForm {
			return content{form: url.Values{}}, nil
		}
		return content{json: map[string]any{}}, nil
	}
	switch kind {
	case "application/json":
		v, err := parseJSON(raw)
		if errors.Is(err, errTooDeep) {
			return content{}, serverError()
		}
		if err != nil {
			return content{}, detail(http.StatusBadRequest, "JSON parse error - "+err.Error())
		}
		return content{json: v}, nil
	case "application/x-www-form-urlencoded":
		form, _ := url.ParseQuery(string(raw)) // like Django it keeps what it could read
		return content{form: form}, nil
	case "multipart/form-data":
		return readMultipart(r, raw)
	}
	return content{}, detail(http.StatusUnsupportedMediaType, `Unsupported media type "`+header+`" in request.`)
}

func readMultipart(r *http.Request, raw []byte) (content, *answer) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return content{}, detail(http.StatusBadRequest, "Multipart form parse error - Invalid boundary in multipart: None")
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(raw))
	if err := again.ParseMultipartForm(int64(len(raw)) + 1); err != nil { // all in memory, no file is written
		return content{}, detail(http.StatusBadRequest, "Multipart form parse error - Invalid multipart body")
	}
	return content{form: again.MultipartForm.Value}, nil
}

// mediaType is the lower-case type without parameters.
func mediaType(header string) string {
	kind, _, _ := strings.Cut(header, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}
