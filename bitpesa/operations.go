package bitpesa

import (
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Names of the operations. They are the keys of Config.Routes, and Operation in an
// Error.
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

// documented: in the BitPesa guides. vendor: only in the vendor's OpenAPI of today.
const (
	documented = sdk.Documented
	vendor     = sdk.VendorExtra
)

var operations = transport.Table{
	{Name: OpListAccounts, Method: "GET", Path: "/v1/accounts", Class: sdk.Safe, Source: documented},
	{Name: OpGetAccount, Method: "GET", Path: "/v1/accounts/{currency}", Class: sdk.Safe, Source: documented},
	{Name: OpCreateDebits, Method: "POST", Path: "/v1/accounts/debits", Class: sdk.Referenced, MovesMoney: true, Source: documented},
	{Name: OpValidateAccount, Method: "POST", Path: "/v1/account_validations", Class: sdk.Safe, Source: documented},
	{Name: OpListAPILogs, Method: "GET", Path: "/v1/api_logs", Class: sdk.Safe, Source: vendor},
	{Name: OpGetAPILog, Method: "GET", Path: "/v1/api_logs/{id}", Class: sdk.Safe, Source: vendor},
	{Name: OpListWebhookLogs, Method: "GET", Path: "/v1/logs/webhooks", Class: sdk.Safe, Source: vendor},
	{Name: OpGetWebhookLog, Method: "GET", Path: "/v1/logs/{id}", Class: sdk.Safe, Source: vendor},
	{Name: OpBalance, Method: "GET", Path: "/v1/dlocal/balance", Class: sdk.Safe, Source: vendor},
	{Name: OpCurrencies, Method: "GET", Path: "/v1/info/currencies", Class: sdk.Safe, Source: vendor},
	{Name: OpCurrenciesIn, Method: "GET", Path: "/v1/info/currencies/in", Class: sdk.Safe, Source: vendor},
	{Name: OpCurrenciesOut, Method: "GET", Path: "/v1/info/currencies/out", Class: sdk.Safe, Source: documented},
	{Name: OpPaymentMethodsIn, Method: "GET", Path: "/v1/info/payment_methods/in", Class: sdk.Safe, Source: vendor},
	{Name: OpPaymentMethodsOut, Method: "GET", Path: "/v1/info/payment_methods/out", Class: sdk.Safe, Source: vendor},
	{Name: OpGetMandate, Method: "GET", Path: "/v1/mandates/{id}", Class: sdk.Safe, Source: vendor},

	{Name: OpListDocuments, Method: "GET", Path: "/v1/documents", Class: sdk.Safe, Source: vendor},
	{Name: OpCreateDocument, Method: "POST", Path: "/v1/documents", Class: sdk.Once, Source: vendor},
	{Name: OpGetDocument, Method: "GET", Path: "/v1/documents/{id}", Class: sdk.Safe, Source: vendor},
	{Name: OpGetPayinMethod, Method: "GET", Path: "/v1/payin_methods/{id}", Class: sdk.Safe, Source: vendor},
	{Name: OpUpdatePayinMethod, Method: "PATCH", Path: "/v1/payin_methods/{id}", Class: sdk.Once, MovesMoney: true, Source: vendor},
	{Name: OpCancelPayinMethod, Method: "DELETE", Path: "/v1/payin_methods/{id}", Class: sdk.Once, MovesMoney: true, Source: vendor},
	{Name: OpRetryPayinMethod, Method: "POST", Path: "/v1/payin_methods/{id}/retry", Class: sdk.Once, MovesMoney: true, Source: vendor},
	{Name: OpListPayoutMethods, Method: "GET", Path: "/v1/payout_methods", Class: sdk.Safe, Source: vendor},
	{Name: OpCreatePayoutMethod, Method: "POST", Path: "/v1/payout_methods", Class: sdk.Once, Source: vendor},
	{Name: OpGetPayoutMethod, Method: "GET", Path: "/v1/payout_methods/{id}", Class: sdk.Safe, Source: vendor},
	{Name: OpUpdatePayoutMethod, Method: "PATCH", Path: "/v1/payout_methods/{id}", Class: sdk.Once, Source: vendor},
	{Name: OpDeletePayoutMethod, Method: "DELETE", Path: "/v1/payout_methods/{id}", Class: sdk.Once, Source: vendor},

	{Name: OpListRecipients, Method: "GET", Path: "/v1/recipients", Class: sdk.Safe, Source: vendor},
	{Name: OpUpdateRecipient, Method: "PATCH", Path: "/v1/recipients/{id}", Class: sdk.Once, MovesMoney: true, Source: documented},
	{Name: OpCancelRecipient, Method: "DELETE", Path: "/v1/recipients/{id}", Class: sdk.Once, MovesMoney: true, Source: documented},
	{Name: OpProofOfPayments, Method: "GET", Path: "/v1/recipients/{id}/proof_of_payments", Class: sdk.Safe, Source: vendor},
	{Name: OpListSenders, Method: "GET", Path: "/v1/senders", Class: sdk.Safe, Source: vendor},
	{Name: OpCreateSender, Method: "POST", Path: "/v1/senders", Class: sdk.Referenced, Source: documented},
	{Name: OpGetSender, Method: "GET", Path: "/v1/senders/{id}", Class: sdk.Safe, Source: vendor},
	{Name: OpUpdateSender, Method: "PATCH", Path: "/v1/senders/{id}", Class: sdk.Once, Source: documented},
	{Name: OpDeleteSender, Method: "DELETE", Path: "/v1/senders/{id}", Class: sdk.Once, Source: vendor},

	{Name: OpListTransactions, Method: "GET", Path: "/v1/transactions", Class: sdk.Safe, Source: vendor},
	{Name: OpCreateTransaction, Method: "POST", Path: "/v1/transactions", Class: sdk.Referenced, MovesMoney: true, Source: documented},
	{Name: OpCreateAndFund, Method: "POST", Path: "/v1/transactions/create_and_fund", Class: sdk.Referenced, MovesMoney: true, Source: vendor},
	{Name: OpCalculate, Method: "POST", Path: "/v1/transactions/calculate", Class: sdk.Safe, Source: vendor},
	{Name: OpValidateTransaction, Method: "POST", Path: "/v1/transactions/validate", Class: sdk.Safe, Source: vendor},
	{Name: OpGetTransaction, Method: "GET", Path: "/v1/transactions/{id}", Class: sdk.Safe, Source: documented},
	{Name: OpSandboxPayIn, Method: "POST", Path: "/v1/transactions/{id}/payin", Class: sdk.Once, MovesMoney: true, Source: vendor},
	{Name: OpSandboxPayOut, Method: "POST", Path: "/v1/transactions/{id}/payout", Class: sdk.Once, MovesMoney: true, Source: vendor},
	{Name: OpListWebhooks, Method: "GET", Path: "/v1/webhooks", Class: sdk.Safe, Source: vendor},
	{Name: OpCreateWebhook, Method: "POST", Path: "/v1/webhooks", Class: sdk.Once, Source: vendor},
	{Name: OpGetWebhook, Method: "GET", Path: "/v1/webhooks/{id}", Class: sdk.Safe, Source: vendor},
	{Name: OpDeleteWebhook, Method: "DELETE", Path: "/v1/webhooks/{id}", Class: sdk.Once, Source: vendor},
	{Name: OpWebhookEvents, Method: "GET", Path: "/v1/webhooks/events", Class: sdk.Safe, Source: vendor},
}

// Operations returns the operation table, as a copy.
func Operations() []sdk.Operation { return slices.Clone(operations) }
