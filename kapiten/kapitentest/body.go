package kapitentest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// content is a parsed request body: a JSON value, or the fields of a form.
type content struct {
	json any
	form url.Values // not nil: the body is a form
}

// readContent parses a body by its type. The failure is a response only when an
// operation asks for the body: an unknown token is found out first.
func readContent(r *http.Request) (content, *response) {
	raw, err := io.ReadAll(r.Body) // in memory already
	if err != nil {
		return content{}, detail(http.StatusBadRequest, "Malformed request.")
	}
	header := r.Header.Get("Content-Type")
	kind := mediaType(header)
	switch {
	case len(raw) == 0 && (kind == mediaForm || kind == mediaMultipart):
		return content{form: url.Values{}}, nil
	case len(raw) == 0:
		return content{json: map[string]any{}}, nil
	case kind == mediaJSON:
		v, err := parseJSON(raw)
		if err != nil {
			return content{}, detail(http.StatusBadRequest, "JSON parse error - "+err.Error())
		}
		return content{json: v}, nil
	case kind == mediaForm:
		form, _ := url.ParseQuery(string(raw)) // like Django it keeps what it could read
		return content{form: form}, nil
	case kind == mediaMultipart:
		return readMultipart(r, raw)
	}
	return content{}, detail(http.StatusUnsupportedMediaType, `Unsupported media type "`+header+`" in request.`)
}

// parseJSON reads a JSON value. Numbers stay as they stand in the text, so that
// money never goes through a float.
func parseJSON(raw []byte) (any, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("the body is not UTF-8")
	}
	if err := json.Unmarshal(raw, new(json.RawMessage)); err != nil { // a Decoder alone takes data behind the value
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

func readMultipart(r *http.Request, raw []byte) (content, *response) {
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

// fields reads the fields of a body as the framework's serializers do and
// collects all faults, in the order the fields are read in.
type fields struct {
	json   map[string]any // a JSON object
	form   url.Values     // or a form
	prefix string         // of nested fields in a form: "sender."
	faults object         // messages by field; nested for a nested field
}

const (
	required = "This field is required."
	noNumber = "A valid number is required."
	tooLong  = "String value too large."
)

// read checks the body's shape.
func (c *call) read() (*fields, *response) {
	if c.broken != nil {
		return nil, c.broken
	}
	if c.content.form != nil {
		return &fields{form: c.content.form}, nil
	}
	in := &fields{}
	switch v := c.content.json.(type) {
	case map[string]any:
		in.json = v
	case nil:
		in.fail("non_field_errors", "No data provided")
	default:
		in.faults = noDictionary(v)
	}
	return in, in.invalid()
}

// noDictionary is the framework's fault for a value that should be an object. It
// names the type as Python does.
func noDictionary(v any) object {
	kind := "dict"
	switch v := v.(type) {
	case bool:
		kind = "bool"
	case json.Number:
		kind = "int"
		if strings.ContainsAny(v.String(), ".eE") {
			kind = "float"
		}
	case string:
		kind = "str"
	case []any:
		kind = "list"
	}
	return object{{"non_field_errors", []string{"Invalid data. Expected a dictionary, but got " + kind + "."}}}
}

// invalid is the response when a field was wrong, else nil.
func (f *fields) invalid() *response {
	if len(f.faults) == 0 {
		return nil
	}
	return &response{status: http.StatusBadRequest, body: f.faults}
}

func (f *fields) fail(field string, messages ...string) {
	f.faults = append(f.faults, member{field, messages})
}

// need says what a field that is left out or null means.
type need int

const (
	needed   need = iota // left out or null is an error
	optional             // may be left out, not null
	nullable             // may be both
)

// get returns a field's value. It reports false when there is no value to look
// at, and has noted the fault when there should be one.
func (f *fields) get(field string, n need) (v any, ok bool) {
	if f.form != nil {
		values := f.form[f.prefix+field]
		if len(values) > 0 && (values[len(values)-1] != "" || n == needed) {
			return values[len(values)-1], true
		}
	} else if v, ok = f.json[field]; ok {
		if v == nil && n != nullable {
			f.fail(field, "This field may not be null.")
		}
		return v, v != nil
	}
	if n == needed {
		f.fail(field, required)
	}
	return nil, false
}

const (
	textLength = 255  // of most texts (assumed)
	noteLength = 1000 // of instructions and descriptions (assumed)
)

// text reads a CharField. Numbers become text, white space around it goes. A
// field that need not be given may be blank.
func (f *fields) text(field string, n need, length int) string {
	v, ok := f.get(field, n)
	if !ok {
		return ""
	}
	switch v.(type) {
	case string, json.Number:
	default:
		f.fail(field, "Not a valid string.")
		return ""
	}
	s := strings.TrimSpace(fmt.Sprint(v))
	var messages []string
	if s == "" && n == needed {
		messages = append(messages, "This field may not be blank.")
	}
	if utf8.RuneCountInString(s) > length {
		messages = append(messages, fmt.Sprintf("Ensure this field has no more than %d characters.", length))
	}
	if strings.Contains(s, "\x00") {
		messages = append(messages, "Null characters are not allowed.")
	}
	if len(messages) > 0 {
		f.fail(field, messages...)
		return ""
	}
	return s
}

// matching is text that a rule must accept; the text is empty when it does not.
func (f *fields) matching(field string, n need, length int, valid func(string) bool, message string) string {
	s := f.text(field, n, length)
	if s != "" && !valid(s) {
		f.fail(field, message)
		return ""
	}
	return s
}

func (f *fields) email(field string) string {
	return f.matching(field, needed, textLength, validEmail, "Enter a valid email address.")
}

func (f *fields) url(field string) string {
	return f.matching(field, nullable, noteLength, validURL, "Enter a valid URL.")
}

// uuid reads a UUIDField, which takes a whole number too, and returns its
// canonical text.
func (f *fields) uuid(field string) string {
	v, ok := f.get(field, needed)
	if !ok {
		return ""
	}
	text, _ := v.(string)
	if number, isNumber := v.(json.Number); isNumber {
		if n, whole := new(big.Int).SetString(number.String(), 10); whole && n.Sign() >= 0 {
			text = fmt.Sprintf("%032x", n)
		}
	}
	id, ok := canonicalUUID(text)
	if !ok {
		f.fail(field, "Must be a valid UUID.")
	}
	return id
}

// canonicalUUID accepts hex digits of either case, with or without dashes.
func canonicalUUID(s string) (string, bool) {
	s = strings.ToLower(strings.ReplaceAll(s, "-", ""))
	if len(s) != 32 || strings.Trim(s, "0123456789abcdef") != "" {
		return "", false
	}
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], true
}

// maxNumberText bounds a number that comes as text.
const maxNumberText = 1000

var decimalText = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// coordinate reads a FloatField between -limit and limit.
func (f *fields) coordinate(field string, limit float64) float64 {
	v, ok := f.get(field, needed)
	if !ok {
		return 0
	}
	x, fault := parseFloat(v)
	switch {
	case fault != "":
		f.fail(field, fault)
	case x > limit:
		f.fail(field, fmt.Sprintf("Ensure this value is less than or equal to %g.", limit))
	case x < -limit:
		f.fail(field, fmt.Sprintf("Ensure this value is greater than or equal to %g.", -limit))
	}
	return x
}

// parseFloat takes what a FloatField takes: numbers, their texts, true and
// false. NaN is no number here, because it is no place.
func parseFloat(v any) (x float64, fault string) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, ""
		}
		return 0, ""
	case json.Number:
		x, _ = v.Float64() // out of range is infinite
		if math.IsInf(x, 0) && !strings.ContainsAny(v.String(), ".eE") {
			return 0, "Integer value too large to convert to float"
		}
		return x, ""
	case string:
		if utf8.RuneCountInString(v) > maxNumberText {
			return 0, tooLong
		}
		s := strings.ToLower(strings.TrimSpace(v))
		infinite := strings.TrimLeft(s, "+-")
		if decimalText.MatchString(s) || infinite == "inf" || infinite == "infinity" {
			x, _ = strconv.ParseFloat(s, 64)
			return x, ""
		}
	}
	return 0, noNumber
}

// francs reads a whole amount above zero, exactly as it stands in the text.
func (f *fields) francs(field string, most decimal.Decimal) decimal.Decimal {
	v, ok := f.get(field, needed)
	if !ok {
		return decimal.Zero
	}
	text := ""
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = strings.TrimSpace(v)
	}
	d, fault := decimal.Zero, ""
	var err error
	switch {
	case len(text) > maxNumberText:
		fault = tooLong
	case !decimalText.MatchString(text):
		fault = noNumber
	case !decodable(text):
		fault = "Ensure that there are no more than 18 digits in total."
	default:
		d, err = decimal.NewFromString(text)
		switch {
		case err != nil:
			fault = noNumber
		case !d.IsInteger():
			fault = "Ensure that there are no more than 0 decimal places."
		case d.GreaterThan(most):
			fault = "Ensure this value is less than or equal to " + most.String() + "."
		case !d.IsPositive():
			fault = "Ensure this value is greater than or equal to 1."
		}
	}
	if fault != "" {
		f.fail(field, fault)
	}
	return d
}

// decodable keeps long numbers and large exponents away from the decimal
// library, which would work hard on them.
func decodable(text string) bool {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	e, err := strconv.Atoi(exponent)
	return len(mantissa) <= 40 && (exponent == "" || err == nil && e >= -18 && e <= 18)
}

// truth reads a BooleanField that may be left out.
func (f *fields) truth(field string) bool {
	v, ok := f.get(field, optional)
	if !ok {
		return false
	}
	if n, isNumber := v.(json.Number); isNumber {
		v = strings.TrimSuffix(n.String(), ".0")
	}
	switch strings.ToLower(fmt.Sprint(v)) {
	case "t", "y", "yes", "true", "on", "1":
		return true
	case "f", "n", "no", "false", "off", "0":
		return false
	}
	f.fail(field, "Must be a valid boolean.")
	return false
}

var (
	emailUser = regexp.MustCompile(`^[-!#$%&'*+/=?^_{}|~0-9A-Za-z` + "`" + `]+(\.[-!#$%&'*+/=?^_{}|~0-9A-Za-z` + "`" + `]+)*$`)
	hostLabel = regexp.MustCompile(`^[\pL\pN]([\pL\pN-]{0,61}[\pL\pN])?$`)
	topLabel  = regexp.MustCompile(`^(xn--[a-zA-Z0-9]{1,59}|\pL[\pL-]{0,61}\pL)$`)
)

// validEmail follows Django's validator in what ordinary addresses need.
func validEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return false
	}
	domain := s[at+1:]
	return emailUser.MatchString(s[:at]) && (domain == "localhost" || validDomain(domain))
}

// validURL follows Django's validator: http, https or ftp, and a host that is
// localhost, an address, or a name with a dot in it.
func validURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || strings.ContainsAny(s, " \t\r\n") {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https", "ftp", "ftps":
	default:
		return false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n > 65535 {
			return false
		}
	}
	host := u.Hostname()
	return strings.EqualFold(host, "localhost") || net.ParseIP(host) != nil || validDomain(strings.TrimSuffix(host, "."))
}

// validDomain wants at least two labels and no digits in the last label.
func validDomain(s string) bool {
	labels := strings.Split(s, ".")
	last := len(labels) - 1
	if last < 1 || len(s) > 253 {
		return false
	}
	for _, l := range labels[:last] {
		if !hostLabel.MatchString(l) {
			return false
		}
	}
	return topLabel.MatchString(labels[last])
}
