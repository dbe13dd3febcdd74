package kpaytest

// PostbackFormat is how the body of a postback is written and labelled.
type PostbackFormat string

const (
	PostbackJSON         PostbackFormat = "json"          // JSON, labelled application/json
	PostbackFormLabelled PostbackFormat = "form_labelled" // JSON, labelled application/x-www-form-urlencoded, as recorded
	PostbackForm         PostbackFormat = "form"          // real form data
)
