package bitpesa

import (
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Names of the operations: keys of Config.Routes, and the Operation of an Error.
const (
	OpListAccounts      = "accounts.list"
	OpGetAccount        = "accounts.get"
	OpCreateDebits      = "debits.create"
	OpValidateAccount   = "account_validations.create"
	OpListAPILogs       = "logs.list_api"
	OpGetAPILog         = "logs.get_api"
	OpListWebhookLogs   = "logs.list_webhooks"
	OpGetWebhookLog     = "logs.get_webhook"
	OpBalance           = "balance"
	OpCurrencies        = "info.currencies"
	OpCurrenciesIn      = "info.currencies_in"
	OpCurrenciesOut     = "info.currencies_out"
	OpPaymentMethodsIn  = "info.payment_methods_in"
	OpPaymentMethodsOut = "info.payment_methods_out"
	OpGetMandate        = "mandates.get"

	OpListDocuments      = "documents.list"
	OpCreateDocument     = "documents.create"
	OpGetDocument        = "documents.get"
	OpGetPayinMethod     = "payin_methods.get"
	OpUpdatePayinMethod  = "payin_methods.update"
	OpCancelPayinMethod  = "payin_methods.cancel"
	OpRetryPayinMethod   = "payin_methods.retry"
	OpListPayoutMethods  = "payout_methods.list"
	OpCreatePayoutMethod = "payout_methods.create"
	OpGetPayoutMethod    = "payout_methods.get"
	OpUpdatePayoutMethod = "payout_methods.update"
	OpDeletePayoutMethod = "payout_methods.delete"

	OpListRecipients  = "recipients.list"
	OpUpdateRecipient = "recipients.update"
	OpCancelRecipient = "recipients.cancel"
	OpProofOfPayments = "recipients.proof_of_payments"
	OpListSenders     = "senders.list"
	OpCreateSender    = "senders.create"
	OpGetSender       = "senders.get"
	OpUpdateSender    = "senders.update"
	OpDeleteSender    = "senders.delete"

	OpListTransactions    = "transactions.list"
	OpCreateTransaction   = "transactions.create"
	OpCreateAndFund       = "transactions.create_and_fund"
	OpCalculate           = "transactions.calculate"
	OpValidateTransaction = "transactions.validate"
	OpGetTransaction      = "transactions.get"
	OpSandboxPayIn        = "transactions.sandbox_pay_in"
	OpSandboxPayOut       = "transactions.sandbox_pay_out"
	OpListWebhooks        = "webhooks.list"
	OpCreateWebhook       = "webhooks.create"
	OpGetWebhook          = "webhooks.get"
	OpDeleteWebhook       = "webhooks.delete"
	OpWebhookEvents       = "webhooks.events"
)

// documented are the BitPesa guides, vendor the OpenAPI description of today.
const (
	documented = transport.Documented
	vendor     = transport.VendorExtra
)

var operations = transport.Table{
	{Name: OpListAccounts, Method: "GET", Path: "/v1/accounts", Class: transport.Safe, Source: documented},
	{Name: OpGetAccount, Method: "GET", Path: "/v1/accounts/{currency}", Class: transport.Safe, Source: documented},
	{Name: OpCreateDebits, Method: "POST", Path: "/v1/accounts/debits", Class: transport.Referenced, MovesMoney: true, Source: documented},
	{Name: OpValidateAccount, Method: "POST", Path: "/v1/account_validations", Class: transport.Safe, Source: documented},
	{Name: OpListAPILogs, Method: "GET", Path: "/v1/api_logs", Class: transport.Safe, Source: vendor},
	{Name: OpGetAPILog, Method: "GET", Path: "/v1/api_logs/{id}", Class: transport.Safe, Source: vendor},
	{Name: OpListWebhookLogs, Method: "GET", Path: "/v1/logs/webhooks", Class: transport.Safe, Source: vendor},
	{Name: OpGetWebhookLog, Method: "GET", Path: "/v1/logs/{id}", Class: transport.Safe, Source: vendor},
	{Name: OpBalance, Method: "GET", Path: "/v1/dlocal/balance", Class: transport.Safe, Source: vendor},
	{Name: OpCurrencies, Method: "GET", Path: "/v1/info/currencies", Class: transport.Safe, Source: vendor},
	{Name: OpCurrenciesIn, Method: "GET", Path: "/v1/info/currencies/in", Class: transport.Safe, Source: vendor},
	{Name: OpCurrenciesOut, Method: "GET", Path: "/v1/info/currencies/out", Class: transport.Safe, Source: documented},
	{Name: OpPaymentMethodsIn, Method: "GET", Path: "/v1/info/payment_methods/in", Class: transport.Safe, Source: vendor},
	{Name: OpPaymentMethodsOut, Method: "GET", Path: "/v1/info/payment_methods/out", Class: transport.Safe, Source: vendor},
	{Name: OpGetMandate, Method: "GET", Path: "/v1/mandates/{id}", Class: transport.Safe, Source: vendor},

	{Name: OpListDocuments, Method: "GET", Path: "/v1/documents", Class: transport.Safe, Source: vendor},
	{Name: OpCreateDocument, Method: "POST", Path: "/v1/documents", Class: transport.Once, Source: vendor},
	{Name: OpGetDocument, Method: "GET", Path: "/v1/documents/{id}", Class: transport.Safe, Source: vendor},
	{Name: OpGetPayinMethod, Method: "GET", Path: "/v1/payin_methods/{id}", Class: transport.Safe, Source: vendor},
	{Name: OpUpdatePayinMethod, Method: "PATCH", Path: "/v1/payin_methods/{id}", Class: transport.Once, MovesMoney: true, Source: vendor},
	{Name: OpCancelPayinMethod, Method: "DELETE", Path: "/v1/payin_methods/{id}", Class: transport.Once, MovesMoney: true, Source: vendor},
	{Name: OpRetryPayinMethod, Method: "POST", Path: "/v1/payin_methods/{id}/retry", Class: transport.Once, MovesMoney: true, Source: vendor},
	{Name: OpListPayoutMethods, Method: "GET", Path: "/v1/payout_methods", Class: transport.Safe, Source: vendor},
	{Name: OpCreatePayoutMethod, Method: "POST", Path: "/v1/payout_methods", Class: transport.Once, Source: vendor},
	{Name: OpGetPayoutMethod, Method: "GET", Path: "/v1/payout_methods/{id}", Class: transport.Safe, Source: vendor},
	{Name: OpUpdatePayoutMethod, Method: "PATCH", Path: "/v1/payout_methods/{id}", Class: transport.Once, Source: vendor},
	{Name: OpDeletePayoutMethod, Method: "DELETE", Path: "/v1/payout_methods/{id}", Class: transport.Once, Source: vendor},

	{Name: OpListRecipients, Method: "GET", Path: "/v1/recipients", Class: transport.Safe, Source: vendor},
	{Name: OpUpdateRecipient, Method: "PATCH", Path: "/v1/recipients/{id}", Class: transport.Once, MovesMoney: true, Source: documented},
	{Name: OpCancelRecipient, Method: "DELETE", Path: "/v1/recipients/{id}", Class: transport.Once, MovesMoney: true, Source: documented},
	{Name: OpProofOfPayments, Method: "GET", Path: "/v1/recipients/{id}/proof_of_payments", Class: transport.Safe, Source: vendor},
	{Name: OpListSenders, Method: "GET", Path: "/v1/senders", Class: transport.Safe, Source: vendor},
	{Name: OpCreateSender, Method: "POST", Path: "/v1/senders", Class: transport.Referenced, Source: documented},
	{Name: OpGetSender, Method: "GET", Path: "/v1/senders/{id}", Class: transport.Safe, Source: vendor},
	{Name: OpUpdateSender, Method: "PATCH", Path: "/v1/senders/{id}", Class: transport.Once, Source: documented},
	{Name: OpDeleteSender, Method: "DELETE", Path: "/v1/senders/{id}", Class: transport.Once, Source: vendor},

	{Name: OpListTransactions, Method: "GET", Path: "/v1/transactions", Class: transport.Safe, Source: vendor},
	{Name: OpCreateTransaction, Method: "POST", Path: "/v1/transactions", Class: transport.Referenced, MovesMoney: true, Source: documented},
	{Name: OpCreateAndFund, Method: "POST", Path: "/v1/transactions/create_and_fund", Class: transport.Referenced, MovesMoney: true, Source: vendor},
	{Name: OpCalculate, Method: "POST", Path: "/v1/transactions/calculate", Class: transport.Safe, Source: vendor},
	{Name: OpValidateTransaction, Method: "POST", Path: "/v1/transactions/validate", Class: transport.Safe, Source: vendor},
	{Name: OpGetTransaction, Method: "GET", Path: "/v1/transactions/{id}", Class: transport.Safe, Source: documented},
	{Name: OpSandboxPayIn, Method: "POST", Path: "/v1/transactions/{id}/payin", Class: transport.Once, MovesMoney: true, Source: vendor},
	{Name: OpSandboxPayOut, Method: "POST", Path: "/v1/transactions/{id}/payout", Class: transport.Once, MovesMoney: true, Source: vendor},
	{Name: OpListWebhooks, Method: "GET", Path: "/v1/webhooks", Class: transport.Safe, Source: vendor},
	{Name: OpCreateWebhook, Method: "POST", Path: "/v1/webhooks", Class: transport.Once, Source: vendor},
	{Name: OpGetWebhook, Method: "GET", Path: "/v1/webhooks/{id}", Class: transport.Safe, Source: vendor},
	{Name: OpDeleteWebhook, Method: "DELETE", Path: "/v1/webhooks/{id}", Class: transport.Once, Source: vendor},
	{Name: OpWebhookEvents, Method: "GET", Path: "/v1/webhooks/events", Class: transport.Safe, Source: vendor},
}

// Operation is one row of the operation table: Name, Method, Path (a template
// with placeholders in braces), Class (how it may be repeated: "safe",
// "referenced" or "once"), MovesMoney, and Source (where the route is known
// from: "documented" is a guide of BitPesa's, "vendor-extra" is the OpenAPI
// description of today).
type Operation = transport.Operation

// Route replaces the Method or the Path of an operation; an empty field keeps
// the table's value. A path may use only the placeholders of the row it
// replaces.
type Route = transport.Route

// Operations returns the operation table, as a copy.
func Operations() []Operation { return slices.Clone(operations) }
