// FiatConnect's own SDK, unmodified, on the standalone server. It knows nothing but the
// greeting. Set FIATCONNECT_SDK to the folder of its package, or run ".ci/full vendor". It
// was played with version 0.5.75 as npm has it, without a build of ours.
import assert from "node:assert/strict"
import {randomUUID} from "node:crypto"
import {createRequire} from "node:module"
import {after, before, test} from "node:test"
import {call, serve} from "./harness.js"

// The SDK reads cookies as node-fetch shows them, and takes Node's own fetch where there is one.
delete globalThis.fetch
const folder = process.env.FIATCONNECT_SDK
const load = createRequire(folder + "/package.json")
const {FiatConnectClient} = load(folder)
const {ethers} = load("ethers")
const {version} = load("./package.json")

let server

before(async () => {
  server = await serve()
  assert.equal(server.credentials.fiatconnect.chainId, "44787", "Alfajores, which the SDK calls by its name")
})

after(async () => {
  await server?.stop()
})

// client is the SDK with a wallet. It signs with another wallet if one is given.
function client(signer) {
  const wallet = ethers.Wallet.createRandom()
  const config = {baseUrl: server.fiatconnect, network: "Alfajores", accountAddress: wallet.address}
  return new FiatConnectClient(config, message => (signer ?? wallet).signMessage(message))
}

// unwrap returns what a call of the SDK brought.
const unwrap = result => {
  assert(result.isOk, result.error?.stack ?? JSON.stringify(result.error))
  return result.value
}

const advance = seconds => call(server.admin + "/clock/advance", "POST", {seconds})

test(`fiatconnect-sdk ${version}: login, KYC, account, quotes and transfers in both directions`, async () => {
  const sdk = client()
  assert(unwrap(await sdk.getClock()).time)
  unwrap(await sdk.login())

  const kyc = {firstName: "Alice", lastName: "Bob", dateOfBirth: {day: "12", month: "4", year: "1994"}, phoneNumber: "07037205555", selfieDocument: "aGk=",
    identificationDocument: "aGk=", address: {city: "Lagos", address1: "No 15", postalCode: "100001", isoRegionCode: "KD", isoCountryCode: "NG"}}
  unwrap(await sdk.addKyc({kycSchemaName: "PersonalDataAndDocuments", data: kyc}))
  assert.equal(unwrap(await sdk.getKycStatus({kycSchema: "PersonalDataAndDocuments"})).kycStatus, "KycApproved")

  const {fiatAccountId} = unwrap(await sdk.addFiatAccount({fiatAccountSchema: "AccountNumber", data: {
    fiatAccountType: "BankAccount", institutionName: "Bank", accountName: "Account", accountNumber: "0123456789", country: "NG",
  }}))
  assert.equal(unwrap(await sdk.getFiatAccounts()).BankAccount[0].fiatAccountId, fiatAccountId)

  for (const [quote, transfer] of [["createQuoteIn", "transferIn"], ["createQuoteOut", "transferOut"]]) {
    const params = {fiatType: "NGN", cryptoType: "cUSD", cryptoAmount: "20", country: "NG", address: sdk.config.accountAddress}
    const {quoteId} = unwrap(await sdk[quote](params)).quote
    const asked = {idempotencyKey: randomUUID(), data: {fiatAccountId, quoteId}}
    const made = unwrap(await sdk[transfer](asked))
    assert.equal(unwrap(await sdk[transfer](asked)).transferId, made.transferId, "the same key is the same transfer")
    assert.equal(unwrap(await sdk.getTransferStatus({transferId: made.transferId})).transferType, transfer === "transferIn" ? "TransferIn" : "TransferOut")
    await advance(3600)
    assert.equal(unwrap(await sdk.getTransferStatus({transferId: made.transferId})).status, "TransferComplete")
  }
  unwrap(await sdk.deleteFiatAccount({fiatAccountId}))
})

test("what the server refuses", async () => {
  const forged = await client(ethers.Wallet.createRandom()).login()
  assert.equal(forged.isErr, true, "another wallet has signed")
  const sdk = client()
  const abroad = await sdk.createQuoteIn({fiatType: "USD", cryptoType: "cUSD", cryptoAmount: "20", country: "US", address: sdk.config.accountAddress})
  assert.equal(abroad.error.fiatConnectError, "GeoNotSupported")
})
