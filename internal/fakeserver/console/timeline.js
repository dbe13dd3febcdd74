// The timeline: what happened, newest first. Its filter is in the address.
import {address, again, api, at, attempt, chip, count, dated, el, go, later, money, none, one, query, shown, soon, when} from "./dom.js"
import {fill, rows} from "./patch.js"
import {providers} from "./start.js"

let root, filter, records, next, total, dropped
let wanted = 0, turn = 0, late = null // rows that the person asked for; the newest load; messages while it runs

const kinds = {request: "requests", state: "states", entry: "money", callback: "callbacks", act: "by hand"}
const size = 100

// filters is the form of a list's filter: the provider, further choices, and a text.
export async function filters(label, view, selects, ...more) {
  const names = await providers()
  const changed = () => form.isConnected && go(at({view, ...Object.fromEntries(new FormData(form))})) // not once another part is shown
  const form = el("form", {class: "filters", role: "search", "aria-label": label, onsubmit: e => e.preventDefault()},
    ...[["provider", "Provider", names.map(p => [p])], ...selects].map(([name, title, options]) => el("label", {}, title, el("select", {name, onchange: changed},
      el("option", {value: ""}, "all"), ...options.map(([value, text]) => el("option", {value}, text || value))))),
    el("label", {class: "grow"}, "Id or text", el("input", {type: "search", name: "q", placeholder: "press / to search", oninput: later(changed, 200)})), ...more)
  return form
}

// setFilters puts a filter into its form. What a person is typing stays.
export function setFilters(form, filter) {
  for (const field of form.querySelectorAll("[name]")) if (field !== document.activeElement) field.value = filter[field.name]
}

export async function show(list, a, healed) {
  const before = JSON.stringify(filter)
  filter = {provider: a.provider || "", kind: a.kind || "", result: a.result || "", subject: a.subject || "", q: a.q || ""}
  if (JSON.stringify(filter) !== before) wanted = size
  else if (healed && records) wanted = Math.max(wanted, records.length) // also what has come by itself
  if (!root || !list.contains(root.form)) await draw(list)
  setFilters(root.form, filter)
  fill(root.subject, filter.subject && el("span", {class: "tag"}, "Thread of ", el("strong", {}, filter.subject), el("a", {to: {subject: ""}, "aria-label": "Leave the thread"}, "✕")))
  await load()
}

async function draw(list) {
  root = {
    form: await filters("Filter the timeline", "timeline", [["kind", "What", Object.entries(kinds)], ["result", "Result", [["ok"], ["pending"], ["refused"], ["failed"]]]]),
    subject: el("p", {class: "thread"}), lines: el("ol", {class: "lines timeline", "aria-label": "Timeline"}), foot: el("div", {class: "foot"}),
  }
  list.replaceChildren(root.form, root.subject, root.lines, root.foot)
}

async function load() {
  const mine = ++turn, of = filter, messages = late = []
  let page
  try {
    page = await again((limit, cursor) => api("/_fake/timeline" + query({...of, limit, cursor})), "records", wanted, wanted > size ? total : Infinity, () => mine === turn)
  } finally {
    if (mine === turn) late = null
  }
  if (mine !== turn) return // a later filter is asked for meanwhile
  records = page.records
  next = page.next
  total = page.total
  dropped = page.dropped || 0
  if (wanted > size) wanted = Math.max(wanted, records.length)
  messages.forEach(take)
  redraw()
}

function older() {
  wanted = records.length + size
  attempt(load, older)
}

const filtered = () => Object.values(filter).some(Boolean)

function redraw() {
  rows(root.lines, dated(records), r => r.id, r => line(r))
  root.lines.hidden = records.length === 0
  fill(root.foot,
    records.length === 0 ? none(filtered() ? "Nothing matches this filter." : "Nothing has happened yet.") :
      el("span", {}, shown(records.length, total + (filtered() ? 0 : dropped), filtered()) + (dropped ? ", the oldest " + count(dropped) + " are forgotten" : "")),
    next && el("button", {type: "button", onclick: older}, "Show older"))
}

const fits = r => (!filter.provider || filter.provider === r.provider) && (!filter.kind || filter.kind === r.kind) &&
  (!filter.result || filter.result === r.result) && (!filter.subject || [r.subject, r.reference, r.delivery, r.request].includes(filter.subject)) &&
  (!filter.q || [r.text, r.cause, r.subject, r.reference, r.request, r.delivery].some(text => text?.toLowerCase().includes(filter.q.toLowerCase())))

export function update(m) {
  late?.push(m)
  if (!records) return
  take(m)
  redraw()
}

// take puts what has happened into the list.
function take(m) {
  const known = new Map(records.map(r => [r.id, r]))
  for (const r of m.records) if (known.has(r.id) || fits(r)) known.set(r.id, r)
  records = [...known.values()].filter(fits).sort((a, b) => b.id - a.id)
  const most = Math.max(wanted, 10 * size)
  if (records.length > most) { // the page stays small; the older ones can be loaded again
    records.length = most
    next = String(records.at(-1).id - 1)
  }
  if (filtered()) recount()
  else total = Math.max(total, m.total - dropped)
}

// recount asks how many records match: one that is not on the page may have changed.
const recount = soon(async () => {
  const page = await api("/_fake/timeline" + query({...filter, limit: 1}))
  total = page.total
  dropped = page.dropped || 0
  redraw()
})

// opens is what a line opens: the request, the callback, the object or the account. In
// the detail of an object its entries open the account, and nothing opens itself.
function opens(r, here) {
  const account = r.entry && "account/" + [r.provider, r.entry.account.owner, r.entry.account.currency].map(encodeURIComponent).join("/")
  const subject = r.object && [r.provider, r.object, encodeURIComponent(r.subject)].join("/")
  const what = {request: "requests/" + r.request, callback: "deliveries/" + r.delivery}[r.kind] || subject || account
  return what && what !== here ? what : account || ""
}

export function line(r, here) {
  const open = opens(r, here)
  const text = r.kind === "entry" ? moneyText(r.entry) : r.kind === "state" ? one(r.object || "") + " " + r.text : r.text
  const subject = r.reference || r.subject
  return el("li", {"data-open": open || null, class: open && address().open === open ? "open" : null},
    when(r),
    el("span", {class: "provider"}, r.provider || "world"),
    chip(r.result),
    open ? el("a", {class: "main clip", to: {open}, title: text}, text) : el("span", {class: "main clip", title: text}, text),
    el("span", {class: "subject clip"}, subject ? el("a", {href: "/" + query({view: "timeline", subject}), class: "mono", title: "The whole thread of " + subject}, subject) : ""),
    el("span", {class: "cause clip", title: r.cause || ""}, r.cause || causedBy(r, here)))
}

// causedBy leads to the request that caused a line, unless it is open beside it.
function causedBy(r, here) {
  const open = "requests/" + r.request
  return r.kind !== "request" && r.request && open !== here ? el("a", {to: {open}}, "by " + r.request) : ""
}

function moneyText(e) {
  return (e.amount.startsWith("-") ? "" : "+") + money(e.amount, e.account.currency) + " " + e.kind.toLowerCase().replaceAll("_", " ") +
    (e.status === "posted" ? "" : " (" + e.status + ")")
}
