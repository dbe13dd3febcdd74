// The callbacks with their attempts.
import {acts, address, again, api, attempt, chip, dated, day, deliveryResult, el, milliseconds, none, plural, query, shown, soon, time, when} from "./dom.js"
import {fill, rows} from "./patch.js"
import {filters, setFilters} from "./timeline.js"

let root, filter, items, next, total
let wanted = 0, turn = 0 // rows that the person asked for; the newest load
const size = 50

export async function show(list, a) {
  const before = JSON.stringify(filter)
  filter = {state: a.state || "", provider: a.provider || "", request: a.request || "", q: a.q || ""}
  if (JSON.stringify(filter) !== before) wanted = 0
  if (!root || !list.contains(root.form)) await draw(list)
  setFilters(root.form, filter)
  fill(root.request, filter.request && el("span", {class: "tag"}, "Caused by ", el("a", {class: "mono", to: {open: "requests/" + filter.request}}, filter.request), el("a", {to: {request: ""}, "aria-label": "Show all callbacks"}, "✕")))
  await load()
}

async function draw(list) {
  const all = acts([{name: "Send all dead again", method: "POST", path: "/_fake/deliveries/redeliver"}], () => load())
  root = {
    form: await filters("Filter the callbacks", "callbacks", [["state", "State", [["pending"], ["delivered"], ["dead"]]]], all),
    request: el("p", {class: "thread"}), lines: el("ol", {class: "lines callbacks", "aria-label": "Callbacks"}), foot: el("div", {class: "foot"}),
  }
  list.replaceChildren(root.form, root.request, root.lines, root.foot)
}

async function load() {
  const mine = ++turn, of = filter
  const page = await again((limit, cursor) => api("/_fake/deliveries" + query({...of, limit, cursor})), "deliveries", Math.max(size, wanted), wanted ? total : Infinity, () => mine === turn)
  if (mine !== turn) return // a later filter is asked for meanwhile
  ;({deliveries: items, next, total} = page)
  if (wanted) wanted = Math.max(wanted, items.length)
  const filtered = Object.values(filter).some(Boolean)
  rows(root.lines, dated(items), d => d.id, d => line(d, () => load()))
  root.lines.hidden = items.length === 0
  fill(root.foot, items.length ? el("span", {}, shown(items.length, total, filtered)) : none(filtered ? "Nothing matches this filter." : "No callback was sent yet."),
    next && el("button", {type: "button", onclick: older}, "Show older"))
}

function older() {
  wanted = items.length + size
  attempt(load, older)
}

// line is a callback with its last attempt. done follows an act.
export function line(d, done) {
  const open = "deliveries/" + d.id
  const last = d.attempts.at(-1)
  const said = last ? (last.status ? "HTTP " + last.status + (last.acknowledged ? "" : ", not acknowledged") : last.error || "no response") + " · " + milliseconds(last.ms) : "not sent yet"
  const subject = d.reference || d.subject
  return el("li", {"data-open": open, class: address().open === open ? "open" : null},
    when(d),
    el("span", {class: "provider"}, d.provider),
    el("a", {class: "main clip", to: {open}, title: d.url}, d.event),
    el("span", {class: "subject clip"}, subject ? el("a", {class: "mono", href: "/" + query({view: "timeline", subject})}, subject) : ""),
    chip(deliveryResult[d.state], d.state),
    el("span", {class: "last clip quiet", title: said}, (d.attempts.length > 1 ? plural(d.attempts.length, "attempt") + " · " : "") + said),
    el("span", {class: "due quiet num", title: "next attempt"}, d.next ? "next " + (d.next.slice(0, 10) === d.time.slice(0, 10) ? time : day)(d.next) : ""),
    acts([{name: "Send again", method: "POST", path: "/_fake/deliveries/" + d.id + "/redeliver"}], done))
}

export const update = soon(async () => {
  if (address().view === "callbacks") await load()
})
