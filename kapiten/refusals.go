package kapiten

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// frameworkWords are the details that the framework writes, by status: the whole text,
// or a text that begins with what ends in "*". simplejwt's come with a code.
var frameworkWords = map[int][]string{
	http.StatusBadRequest:   {"JSON parse error - *", "Malformed request.", "Multipart form parse error - *"},
	http.StatusUnauthorized: authenticationWords,
	http.StatusForbidden: append([]string{
		"You do not have permission to perform this action.", "CSRF Failed: *",
	}, authenticationWords...),
	http.StatusNotFound:             {"Not found.", invalidPage, invalidCursor},
	http.StatusMethodNotAllowed:     {`Method "*`},
	http.StatusNotAcceptable:        {"Could not satisfy the request Accept header."},
	http.StatusUnsupportedMediaType: {`Unsupported media type "*`},
	http.StatusTooManyRequests:      {throttled + "*"},
}

var authenticationWords = []string{
	"Authentication credentials were not provided.", "Incorrect authentication credentials.", "Invalid token.",
	"Invalid token header. *", "User inactive or deleted.",
}

var noObject = regexp.MustCompile(`^No [A-Za-z ]+ matches the given query\.$`)

// frameworkCodes are the codes of simplejwt and of the framework, by status. They come
// with any text.
var frameworkCodes = map[int][]string{
	http.StatusBadRequest: {"parse_error"},
	http.StatusUnauthorized: {
		"token_not_valid", "user_not_found", "user_inactive", "bad_authorization_header", "password_changed",
		"not_authenticated", "authentication_failed",
	},
	http.StatusForbidden: {"permission_denied", "not_authenticated", "authentication_failed"},
	http.StatusNotFound:  {"not_found"},

	http.StatusMethodNotAllowed:     {"method_not_allowed"},
	http.StatusNotAcceptable:        {"not_acceptable"},
	http.StatusUnsupportedMediaType: {"unsupported_media_type"},
	http.StatusTooManyRequests:      {"throttled"},
}

// unique is the code of what exists already.
const unique = "unique"

// fieldCodes are the codes of the framework's fields and validators.
var fieldCodes = []string{
	"required", "null", "invalid", "blank", "empty", "not_a_dict", "not_a_list", "incorrect_type", "incorrect_match", "does_not_exist", "invalid_choice",
	"no_match", "no_object", "min_length", "max_length", "min_value", "max_value", "max_digits", "max_decimal_places", "max_whole_digits",
	"max_string_length", "overflow", "null_characters_not_allowed", "surrogate_characters_not_allowed", "date", "datetime", unique,
}

// validationCodes are the statuses under which they come.
var validationCodes = map[int][]string{http.StatusBadRequest: fieldCodes, http.StatusUnprocessableEntity: fieldCodes}

// isFrameworks reports whether the framework writes this detail under this status.
func isFrameworks(status int, detail string) bool {
	return status == http.StatusNotFound && noObject.MatchString(detail) || among(frameworkWords[status], detail)
}

func among(list []string, text string) bool {
	return slices.ContainsFunc(list, func(words string) bool {
		beginning, open := strings.CutSuffix(words, "*")
		return text == words || open && strings.HasPrefix(text, beginning)
	})
}

// speaksOfWork reports words on a balance or on a unique field, which nobody on the way
// writes. Kapiten's own texts are unknown, so that these words are assumed. Any other
// text of a handler leaves the outcome of a write unknown.
func speaksOfWork(status int, text string) bool {
	switch status {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusConflict, http.StatusUnprocessableEntity:
		return speaksOfMoney(text)
	}
	return false
}

// moneyFields are what a field error of a write that moves money can be about: the
// parameters of the write itself.
var moneyFields = map[string][]string{
	OpCreateRide: {
		"company_id", "external_id", "pickup_address", "pickup_latitude", "pickup_longitude", "dropoff_address", "dropoff_latitude",
		"dropoff_longitude", "sender", "receiver", "pickup_instructions", "package_type", "weight_range", "includes_fragile_items", "is_priority",
	},
	OpTopUpWallet: {"company_id", "amount", "phone_number", "description"},
}

// bodyWords are what the framework writes of a body that is no object.
var bodyWords = []string{"No data provided", "Invalid data. Expected a dictionary, but got *"}

// loginWords are what it writes to a login, which names another account than a write.
var loginWords = []string{"No active account *", "Unable to log in with provided credentials.*", "User account is disabled.*", `Must include "*`}

// noCompany is the only 404 of a write that moves money: it names a company and nothing else.
const noCompany = "No Company matches the given query."

// ofAnother reports the refusal of a request that was not this one, or need not have been: of
// another method, of a list, of a login, or for a parameter that this write does not have. A
// refusal names no request, so that this is all one can see. Any lookup, and any router, gets
// "Not found.".
func (p *problem) ofAnother(op sdk.Operation, status int) bool {
	switch {
	case status == http.StatusMethodNotAllowed && !strings.HasPrefix(p.detail, `Method "`+op.Method+`"`):
		return true
	case op.Method != http.MethodGet && (p.fields["page"] != nil || status == http.StatusNotFound && (p.detail == invalidPage || p.detail == invalidCursor)):
		return true
	case !op.MovesMoney:
		return false
	case status == http.StatusNotFound && p.detail != noCompany:
		return true
	}
	own := moneyFields[op.Name]
	if own == nil { // Client.Do: nobody knows what it sends
		return false
	}
	if p.mentions(func(text string) bool { return isPoor(text) && othersPoor[op.Name].MatchString(text) }) {
		return true
	}
	anothers := func(text string) bool { return !p.isOfMoneyWrite(status, text) }
	if slices.ContainsFunc(p.general, anothers) {
		return true
	}
	for path, texts := range p.fields {
		field, _, _ := strings.Cut(path, ".")
		switch {
		case slices.Contains(own, field):
		case slices.Contains(balanceFields[op.Name], field) && !slices.ContainsFunc(texts, func(text string) bool { return !isPoor(text) }):
		case field != "__all__" || slices.ContainsFunc(texts, anothers):
			return true
		}
	}
	return false
}

// balanceFields are where a lack of money stands, beside the parameters. A top-up needs
// no money of the company's.
var balanceFields = map[string][]string{
	OpCreateRide:  {"wallet", "balance", "overdraft_limit", "company", "amount"},
	OpTopUpWallet: {"wallet", "balance"},
}

// othersPoor finds, in a lack of money, what only the other write meets: a top-up has no
// price and needs no overdraft.
var othersPoor = map[string]*regexp.Regexp{
	OpCreateRide:  regexp.MustCompile(`(?i)\b(top[ -]?ups?|deposits?)\b`),
	OpTopUpWallet: regexp.MustCompile(`(?i)\b(rides?|deliver(y|ies)|overdraft)\b`),
}

// othersUnique finds the names of what is unique of a company or of a user.
var othersUnique = regexp.MustCompile(`(?i)\b(user|username|email|registration number)\b`)

// isOfMoneyWrite reports a text without a field that a write which moves money can get. A
// serializer's own words, "The passwords do not match", say, may be about any request.
func (p *problem) isOfMoneyWrite(status int, text string) bool {
	switch {
	case among(loginWords, text), isTaken(text) && othersUnique.MatchString(text):
		return false
	case slices.Contains(frameworkCodes[status], p.code), isFrameworks(status, text), speaksOfWork(status, text):
		return true
	}
	return among(bodyWords, text)
}

// duplicateOfUnknown reports the refusal of a duplicate that does not say that the external
// id is taken.
func duplicateOfUnknown(e *sdk.Error) bool {
	ofID := func(text string) bool {
		words := strings.ReplaceAll(strings.ToLower(text), "_", " ")
		return isTaken(text) && strings.Contains(words, "external id")
	}
	texts := e.Fields["external_id"]
	alone := len(e.Fields) == 1 && e.Message == "" // no other field can be what is unique
	return transport.Duplicated(e) && !ofID(e.Message) && !slices.ContainsFunc(texts, isTaken) && !(texts != nil && alone)
}

// speaksOfMoney reports the words of a wallet that lacks money, or of a payment that is there.
func speaksOfMoney(text string) bool { return isPoor(text) || isTaken(text) }
