// FiatConnect's official validation suite (github.com/fiatconnect/validate), its code unmodified, on
// the standalone server. No registry has it. Set FIATCONNECT_VALIDATE to the folder of an
// installed copy and FIATCONNECT_SPEC to the specification's swagger.yaml, or run
// ".ci/full vendor" with both.
//
// It was played with commit 27a5ac6. npm lacks the version of the SDK that the suite pins.
// Therefore set its versions in package.json to "*", remove yarn.lock, and run
// "npm install --legacy-peer-deps". The code of the suite stays unchanged.
//
// Thirty-six tests pass. The suite itself leaves out the one for https, and the three for
// webhooks need the receiver of the suite's authors on the internet.
import assert from "node:assert/strict"
import {spawn} from "node:child_process"
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs"
import {tmpdir} from "node:os"
import {join} from "node:path"
import {test} from "node:test"
import {serve} from "./harness.js"

test("FiatConnect's official suite", async () => {
  const scratch = mkdtempSync(join(tmpdir(), "validate-"))
  let server
  try {
    writeFileSync(join(scratch, "fakes.json"), `{"kotani": {"fiat_connect": {"strict_quotes": true}}}`)
    server = await serve("-clock", "real", "-config", join(scratch, "fakes.json"))
    const results = join(scratch, "results.json")
    const jest = spawn(join(process.env.FIATCONNECT_VALIDATE, "node_modules/.bin/jest"), ["--runInBand", "--json", "--outputFile", results, "--testPathIgnorePatterns", "webhook"], {
      cwd: process.env.FIATCONNECT_VALIDATE, stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env, NODE_OPTIONS: "--no-experimental-fetch", BASE_URL: server.fiatconnect, PATH_PREFIX: new URL(server.fiatconnect).pathname,
        OPENAPI_SPEC: process.env.FIATCONNECT_SPEC, QUOTE_IN_MOCK: "quoteNigeriaCUSD", QUOTE_OUT_MOCK: "quoteNigeriaCUSD",
        FIAT_ACCOUNT_MOCK: "accountNumberNigeria", KYC_MOCK: "personalDataAndDocumentsNigeria",
      },
    })
    await new Promise(resolve => { jest.on("exit", resolve) })
    const {numPassedTests, numFailedTests, numPendingTests} = JSON.parse(readFileSync(results, "utf8"))
    assert.deepEqual({numPassedTests, numFailedTests, numPendingTests}, {numPassedTests: 36, numFailedTests: 0, numPendingTests: 1})
  } finally {
    await server?.stop()
    rmSync(scratch, {recursive: true, force: true})
  }
})
