package wire

import (
	"regexp"
	"strings"
)

// LacksMoney recognises a refusal that speaks of money which is not there: "insufficient"
// and "funds", say, as whole words of one sentence and near each other. A text that also
// speaks of rights, or of what a gateway has, is none: a load balancer may have written it.
func LacksMoney(text string) bool {
	if !mayLack.MatchString(text) {
		return false // as most texts, cheaply
	}
	text = strings.ToLower(humps.ReplaceAllString(text, "$1 $2"))
	if foreign.MatchString(strings.ReplaceAll(text, "_", " ")) {
		return false
	}
	text = sentenceEnds.ReplaceAllString(strings.NewReplacer("'", "", "\u2019", "").Replace(text), " . ")
	text = strings.Join(strings.Fields(noWords.ReplaceAllString(text, " ")), " ")
	text = links.ReplaceAllString(text, "~")
	return lackOfMoney.MatchString(text) || moneyLacks.MatchString(text)
}

const (
	lack  = `(?:insufficient|(?:not|dont|doesnt) (?:have )?(?:enough|sufficient))`
	money = `(?:balances?|funds?|money|float|liquidity)`
)

var (
	mayLack      = regexp.MustCompile(`(?i)sufficient|enough|low`)
	humps        = regexp.MustCompile(`([a-z])([A-Z])`) // InsufficientFunds
	sentenceEnds = regexp.MustCompile(`[.,:;!?\n]`)
	noWords      = regexp.MustCompile(`[^a-z0-9.]`)

	// links lead from what is lacking to what it is for: "insufficient data for a refund".
	links = regexp.MustCompile(`\b(?:to|for|behind|on|at|by|with)\b`)

	lackOfMoney = regexp.MustCompile(`\b` + lack + `(?: [a-z0-9]+){0,3} ` + money + `\b|\blow (?:[a-z0-9]+ )?` + money + `\b`)
	// The lack ends the sentence, or its part: "insufficient threads" lacks something else.
	moneyLacks = regexp.MustCompile(`\b` + money + `(?: [a-z0-9~]+){0,4} (?:` + lack + `|low)(?:$| [.~]| (?:in|and|please)\b)`)

	foreign = regexp.MustCompile(`\b(?:gateways?|upstreams?|prox(?:y|ies)|balanc(?:ers?|ing)|backends?|(?:un)?healthy|targets?|servers?|hosts?|nodes?|` +
		`clusters?|instances?|replicas?|memory|bandwidth|capacity|connections?|sockets?|threads?|workers?|cpu|disk|resources?|firewall|` +
		`permissions?|privileges?|rights|scopes?|roles?|authori[sz]ation)\b`)
)
