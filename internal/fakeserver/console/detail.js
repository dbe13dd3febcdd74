// The detail of a request, a callback or an object. Its address is a deep link.
import {acts, address, api, attempt, body, chip, copier, dated, day, deliveryResult, el, fact, go, headers, milliseconds, money, one, plural, query, when} from "./dom.js"
import {fill, rows, stays} from "./patch.js"
import {line} from "./timeline.js"
import {line as callback} from "./callbacks.js"
import {breakNext} from "./faults.js"
import {base, load as addresses} from "./start.js"

let pane, open = "", id = "", late = null

// show opens a request, a callback or an object; "" closes it.
export async function show(to, what) {
  pane = to
  if (what === open) return
  open = what
  pane.replaceChildren() // nothing of another subject stays
  await reload()
}

// reload draws anew what is open.
export async function reload() {
  if (open) await load()
}

export async function update(m) {
  late?.push(...m.records)
  if (open && concerns(m.records)) await load()
}

const concerns = records => records.some(r => [r.subject, r.reference, r.request, r.delivery].includes(id))

async function load() {
  const what = open
  const [a, b, c, d] = what.split("/").map(decodeURIComponent)
  if (a === "account") {
    go("/" + query({view: "objects", provider: b, kind: "accounts", owner: c, currency: d}))
    return
  }
  const logged = a === "requests" || a === "deliveries"
  let of, records, callbacks, newest
  const news = late = [] // what happens while the responses are on their way
  try {
    await addresses()
    of = await api("/_fake/" + what)
    records = (await api("/_fake/timeline" + query({subject: of.id, limit: 60, provider: logged ? of.provider : a}))).records
    if (a === "requests") callbacks = await api("/_fake/deliveries" + query({request: of.id, limit: 20}))
    else if (!logged) callbacks = await api("/_fake/deliveries" + query({provider: a, q: of.id, limit: 1}))
  } catch (e) {
    if (what !== open || late !== news) return // another one was opened meanwhile, or this one again
    const gone = e.status === 404
    fill(pane, close(), el("h2", {tabindex: "-1"}, gone ? "Not there any more" : "Could not be loaded"), el("p", {}, e.message),
      gone ? "" : el("p", {class: "buttons"}, el("button", {type: "button", onclick: () => attempt(load)}, "Try again")))
    return
  } finally {
    newest = late === news
    if (newest) late = null
  }
  if (what !== open || address().open !== what || !newest) return
  id = of.id
  const [above, below] = a === "requests" ? request(of, callbacks) : a === "deliveries" ? delivery(of) : object(a, b, of, records, callbacks.total)
  const caused = records.filter(r => a !== "requests" || r.kind !== "request" && r.kind !== "callback")
  fill(pane, close(), ...above,
    Object.assign(el("h3", {hidden: caused.length === 0}, a === "requests" ? "What it caused" : "Its thread"), {key: "thread"}),
    Object.assign(stays(el("ol", {class: "lines timeline", "aria-label": "What belongs to it"})), {key: "lines"}), ...below)
  const lines = pane.querySelector("ol.timeline")
  rows(lines, dated(caused), r => r.id, r => line(r, what))
  lines.hidden = caused.length === 0
  const sent = pane.querySelector("ol.callbacks")
  if (sent) rows(sent, dated(callbacks.deliveries), d => d.id, d => callback(d, load))
  if (concerns(news)) await load()
}

const close = () => el("a", {class: "close", to: {open: ""}}, "Close")

const threadLink = d => d.reference || d.subject ? el("a", {href: "/" + query({view: "timeline", subject: d.reference || d.subject})}, d.reference || d.subject) : ""
const objectLink = d => d.object ? el("a", {to: {open: [d.provider, d.object, encodeURIComponent(d.subject)].join("/")}}, one(d.object) + " " + (d.reference || d.subject)) : ""

// request, delivery and object return what stands above the thread and below it.
function request(r, callbacks) {
  const refused = r.reason || r.status >= 400
  return [[
    el("h2", {tabindex: "-1", class: "mono"}, r.method + " " + r.path + (r.query ? "?" + r.query : "")),
    el("dl", {class: "facts"},
      ...fact("Response", r.pending ? chip("pending", "in work") : r.status ? chip(r.status >= 500 ? "failed" : refused ? "refused" : "ok", "HTTP " + r.status) : chip("failed", "no response")),
      ...fact("When", day(r.time) + (r.pending ? "" : " · took " + milliseconds(r.ms))),
      ...fact("Operation", r.provider + (r.operation ? " · " + r.operation : "")),
      ...fact("Object", objectLink(r)),
      ...fact("Thread", threadLink(r)),
      ...fact("Callbacks", callbacks.total ? el("a", {href: "/" + query({view: "callbacks", request: r.id})}, plural(callbacks.total, "callback")) : ""),
      ...fact("Id", r.id)),
    r.fault ? el("p", {class: "why failed"}, el("strong", {}, "A fault met it: "), r.fault.replaceAll("_", " ")) : "",
    refused ? el("p", {class: "why"}, el("strong", {}, "Why it was refused: "), r.reason || "the response does not say.") : "",
    el("p", {class: "buttons"}, copier("Copy as curl", () => curl(r)),
      el("button", {type: "button", class: "small", onclick: async event => {
        const said = event.currentTarget.parentElement.querySelector(".said")
        said.textContent = await breakNext(r)
      }}, "Break the next call like this"), stays(el("span", {class: "said quiet", role: "status"}))),
    el("p", {class: "note quiet"}, "The curl line holds no secret: put yours in place of [masked], and sign anew where the provider wants a signature."),
  ], [
    ...callbacks.total ? [
      Object.assign(el("h3", {}, "Its callbacks"), {key: "sent-title"}),
      Object.assign(stays(el("ol", {class: "lines callbacks", "aria-label": "Its callbacks"})), {key: "sent"}),
    ] : [],
    ...body("Request body", r.request_body), ...headers("Request headers", r.header),
    ...body("Response body", r.response_body), ...headers("Response headers", r.response_header),
  ]]
}

const quote = text => "'" + text.replaceAll("'", "'\\''") + "'"

function curl(r) {
  const skipped = ["Content-Length", "Accept-Encoding", "Connection", "Host", "User-Agent"]
  const parts = ["curl", "-X", r.method, quote(base(r.provider) + r.path + (r.query ? "?" + r.query : ""))]
  for (const [name, values] of Object.entries(r.header || {})) if (!skipped.includes(name)) parts.push("-H", quote(name + ": " + values[0]))
  if (r.request_body) parts.push("--data-raw", quote(r.request_body))
  return parts.join(" ")
}

function delivery(d) {
  return [[
    el("h2", {tabindex: "-1"}, d.event),
    el("dl", {class: "facts"},
      ...fact("State", chip(deliveryResult[d.state], d.state)),
      ...fact("To", el("span", {class: "mono"}, d.url)),
      ...fact("When", day(d.time)),
      ...fact("Next attempt", d.next ? day(d.next) : ""),
      ...fact("Provider", d.provider),
      ...fact("Request", d.request ? el("a", {class: "mono", to: {open: "requests/" + d.request}}, d.request) : ""),
      ...fact("Cause", d.cause),
      ...fact("Object", objectLink(d)),
      ...fact("Thread", threadLink(d)),
      ...fact("Id", d.id)),
    acts([{name: "Send again", method: "POST", path: "/_fake/deliveries/" + d.id + "/redeliver"}], load),
    el("h3", {}, "Attempts"),
    el("ol", {class: "lines attempts"}, ...dated(d.attempts).map(x => el("li", {},
      when(x), chip(x.acknowledged ? "ok" : "failed", x.status ? "HTTP " + x.status : x.error || "no response"),
      el("span", {class: "num quiet"}, milliseconds(x.ms)), x.acknowledged || !x.status ? "" : el("span", {class: "why"}, "Not acknowledged: " + d.wants), x.response ? el("pre", {tabindex: "0", "aria-label": "Response of the receiver"}, x.response) : ""))),
  ], [...body("Body", d.body), ...headers("Headers", d.header)]]
}

function object(provider, kind, o, records, callbacks) {
  return [[
    el("h2", {tabindex: "-1"}, o.reference || o.title || o.id),
    el("dl", {class: "facts"},
      ...fact("State", chip(o.result, o.state)),
      ...fact("Amount", o.currency ? el("span", {class: "num"}, money(o.amount, o.currency)) : ""),
      ...fact("Title", o.title),
      ...fact("Created", day(o.created)),
      ...fact("Kind", provider + " · " + kind.replaceAll("_", " ")),
      ...fact("Ledger", ...ledgers(provider, records)),
      ...fact("Callbacks", callbacks ? el("a", {href: "/" + query({view: "callbacks", provider, q: o.id})}, plural(callbacks, "callback")) : ""),
      ...fact("Thread", threadLink({reference: o.reference, subject: o.id})),
      ...fact("Id", el("span", {class: "mono"}, o.id)),
      ...fact("Page", o.link ? el("a", {href: base(provider) + o.link, target: "_blank", rel: "noopener"}, "Open the checkout") : "")),
    el("h3", {}, o.acts.length ? "What can happen next" : "Nothing can be done with it now"),
    acts(o.acts, load, " primary"),
  ], body("All the fake knows", JSON.stringify(o.value))]
}

// ledgers are links to the accounts that an object's entries are in.
function ledgers(provider, records) {
  const accounts = new Map()
  for (const {entry} of records.filter(r => r.entry)) {
    const {owner, currency} = entry.account
    const to = "/" + query({view: "objects", provider, kind: "accounts", owner, currency})
    accounts.set(to, {currency, ids: (accounts.get(to)?.ids || new Set()).add(entry.id)})
  }
  return [...accounts].map(([href, {currency, ids}]) => el("a", {href, class: "several"}, plural(ids.size, "entry", "entries") + " in " + currency))
}
