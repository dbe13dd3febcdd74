// The objects of each provider, its accounts and their entries.
import {acts, address, again, api, at, attempt, chip, count, dated, el, go, later, money, none, plural, query, shown, soon, svg, when} from "./dom.js"
import {fill, rows} from "./patch.js"

let root, where, items, next, total
let wanted = 0, choice = 0, turn = 0 // rows that the person asked for; the newest choice and the newest load

const keys = {objects: o => o.id, accounts: a => a.owner + " " + a.currency, entries: e => e.id}

export async function show(list, a) {
  const mine = ++choice
  const {kinds} = await api("/_fake/kinds")
  if (mine !== choice) return // something else is looked at meanwhile
  const first = kinds.find(k => k.total > 0 && k.name !== "accounts") || kinds[0]
  const before = JSON.stringify(where)
  where = {provider: a.provider || first.provider, kind: a.kind || first.name, q: a.q || "", owner: a.owner || "", currency: a.currency || ""}
  if (JSON.stringify(where) !== before) [items, wanted] = [[], 0]
  if (!root || !list.contains(root.lines)) draw(list)
  if (root.search !== document.activeElement) root.search.value = where.q
  drawKinds(kinds)
  await load()
}

function draw(list) {
  root = {kinds: el("nav", {class: "kinds", "aria-label": "Kinds of objects"}), above: el("div"), lines: el("ol", {class: "lines"}), foot: el("div", {class: "foot"})}
  root.search = el("input", {
    type: "search", "aria-label": "Search the objects", placeholder: "id, reference, state or any text; press /",
    oninput: later(() => root.search.isConnected && go(at({view: "objects", q: root.search.value})), 200),
  })
  list.replaceChildren(root.kinds, el("div", {class: "filters"}, el("div", {class: "grow"}, root.search)), root.above, root.lines, root.foot)
}

function drawKinds(kinds) {
  const link = k => el("a", {
    href: "/" + query({view: "objects", provider: k.provider, kind: k.name}),
    class: k.total ? null : "zero",
    "aria-current": k.provider === where.provider && k.name === where.kind ? "page" : null,
  }, k.name.replaceAll("_", " ") + " ", el("span", {class: "num"}, count(k.total)))
  const providers = [...new Set(kinds.map(k => k.provider))]
  fill(root.kinds, ...providers.map(p => el("div", {class: "kind"}, el("span", {class: "provider"}, p), ...kinds.filter(k => k.provider === p).map(link))))
}

const looking = () => where.kind !== "accounts" ? "objects" : where.owner ? "entries" : "accounts"
const size = () => looking() === "entries" ? 200 : 50

async function load() {
  const mine = ++turn, looks = looking(), name = looks === "objects" ? where.kind : looks
  const {provider, q, owner, currency} = where
  const read = (limit, cursor) => api(`/_fake/${provider}/${name}` + query({q, cursor, limit, ...looks === "entries" ? {owner, currency} : {}}))
  const page = await again(read, name, Math.max(size(), wanted), wanted ? total : Infinity, () => mine === turn)
  const accounts = looks === "entries" ? (await api(`/_fake/${provider}/accounts` + query({q: owner}))).accounts : []
  if (mine !== turn) return // something else is looked at meanwhile
  ;({[name]: items, next, total} = page)
  if (wanted) wanted = Math.max(wanted, items.length)
  const head = looks === "entries" ? ledger(accounts.find(a => a.owner === where.owner && a.currency === where.currency)) : []
  fill(root.above, ...head)
  redraw(looks, {objects: object, accounts: account, entries: entry}[looks])
}

function older() {
  wanted = items.length + size()
  attempt(load, older)
}

function redraw(kind, make) {
  if (root.lines.className !== "lines " + kind) {
    root.lines.className = "lines " + kind
    root.lines.setAttribute("aria-label", kind)
    root.lines.replaceChildren()
  }
  rows(root.lines, kind === "accounts" ? items : dated(items, "created"), keys[kind], make)
  root.lines.hidden = items.length === 0
  fill(root.foot, items.length ? el("span", {}, shown(items.length, total, where.q)) : none(where.q ? "Nothing matches." : "There are none yet."),
    next && el("button", {type: "button", onclick: older}, "Show older"))
}

function object(o) {
  const open = [where.provider, where.kind, encodeURIComponent(o.id)].join("/")
  return el("li", {"data-open": open, class: address().open === open ? "open" : null},
    el("a", {class: "main clip mono", to: {view: "objects", provider: where.provider, kind: where.kind, open}, title: o.id}, o.reference || o.id),
    el("span", {class: "title clip quiet"}, o.title || ""),
    chip(o.result, o.state),
    el("span", {class: "num"}, o.currency ? money(o.amount, o.currency) : ""),
    when(o, "created"),
    acts(o.acts.slice(0, 1), load))
}

function account(a) {
  return el("li", {},
    el("a", {class: "main clip", to: {owner: a.owner, currency: a.currency, open: ""}}, (a.name || a.owner) + " " + a.currency),
    el("span", {class: "num", title: "balance"}, money(a.balance, a.currency)),
    el("span", {class: "num quiet", title: "available"}, a.available === a.balance ? "" : money(a.available) + " available"),
    el("span", {class: "num quiet"}, plural(a.entries, "entry", "entries")))
}

function entry(e) {
  const subject = e.object_reference || e.reference
  return el("li", {},
    when(e, "created"),
    el("span", {class: "what clip"}, e.kind.toLowerCase().replaceAll("_", " ") + (e.description ? " · " + e.description : "")),
    el("span", {class: "subject clip"}, subject ? el("a", {class: "mono", href: "/" + query({view: "timeline", subject}), title: "The whole thread of " + subject}, subject) : ""),
    chip({posted: "ok", pending: "pending", failed: "failed"}[e.status], e.status),
    el("span", {class: "num"}, money(e.amount)),
    el("span", {class: "num quiet", title: "balance after it"}, money(e.balance)),
    acts(e.acts || [], load))
}

// ledger is the head of an account: its owner, its balance and how that went.
function ledger(account) {
  return [
    el("div", {class: "half"}, el("h2", {}, (account?.name || where.owner) + " " + where.currency), el("a", {to: {owner: "", currency: ""}}, "All accounts")),
    el("p", {class: "balance"}, account ? el("span", {class: "num"}, money(account.balance, where.currency)) : "",
      account && account.available !== account.balance ? el("span", {class: "quiet"}, money(account.available, where.currency) + " available") : ""),
    items.length > 1 ? chart(items.map(e => e.balance).reverse()) : "",
  ]
}

// chart draws balances as steps: a balance stays until the next entry.
function chart(balances) {
  const points = balances.map(Number), low = Math.min(...points), high = Math.max(...points)
  const x = i => i * 100 / points.length, y = p => 29 - (high > low ? (p - low) * 28 / (high - low) : 14)
  const line = points.flatMap((p, i) => [`${x(i)},${y(p)}`, `${x(i + 1)},${y(p)}`]).join(" ")
  const label = `Balance after each of the last ${points.length} entries, between ${money(balances[points.indexOf(low)], where.currency)} and ${money(balances[points.indexOf(high)], where.currency)}`
  return el("figure", {},
    svg("svg", {class: "chart", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img", "aria-label": label}, svg("polyline", {points: line})),
    el("figcaption", {class: "quiet"}, label))
}

// A burst of events costs one look a moment later.
export const update = soon(async () => {
  if (address().view !== "objects") return
  drawKinds((await api("/_fake/kinds")).kinds)
  await load()
})
