// Rules that make requests go wrong.
import {acts, api, el, none, plural, shown, soon} from "./dom.js"
import {rows} from "./patch.js"
import {providers} from "./start.js"

let root

const kinds = {
  drop_after: "do the work, then drop the connection", drop_before: "drop the connection, do nothing", status: "respond with a status",
  delay: "wait, then go on", rate_limit: "respond with 429", html: "respond with a proxy's HTML page", truncate: "do the work, send half the response",
  malformed: "do the work, send broken JSON", expire_token: "expire all tokens first",
}

// ways are what a preset can do to the next call.
const ways = [
  ["is done, then the connection drops", {kind: "drop_after"}],
  ["is lost before it is done", {kind: "drop_before"}],
  ["gets a 503", {kind: "status", status: 503}],
  ["waits 30 s on the clock", {kind: "delay", seconds: 30}],
]

const general = [
  ["Every provider responds with 503", {kind: "status", status: 503}],
  ["The next request expires all tokens", {kind: "expire_token", times: 1}],
]

export async function show(list) {
  if (!root || !list.contains(root.lines)) await draw(list)
  await load()
}

async function add(fault) {
  root.problem.textContent = ""
  try {
    await api("/_fake/faults", "POST", fault)
    await load()
  } catch (e) {
    root.problem.textContent = e.message
  }
}

// breakNext makes the next call like a request be done and its connection drop.
export async function breakNext(request) {
  const {provider, operation, method, path} = request
  const like = operation ? {operation} : {method, path: path.replace(/[*?[\\]/g, "\\$&")}
  try {
    await api("/_fake/faults", "POST", {provider, ...like, times: 1, kind: "drop_after"})
    return "The next one is done, then its connection drops."
  } catch (e) {
    return e.message
  }
}

async function draw(list) {
  const [{routes}, names] = await Promise.all([api("/_fake/routes"), providers()])
  root = {lines: el("ol", {class: "lines faults", "aria-label": "Rules"}), problem: el("p", {class: "refusal", role: "alert"}), foot: el("div", {class: "foot"}), empty: none("No rule: everything goes as it should.")}
  list.replaceChildren(
    el("div", {class: "panel"}, el("h2", {}, "Break the next call that moves money"), ...presets(routes, names)),
    el("div", {class: "panel"}, el("h2", {}, "New rule"), form(routes, names), root.problem),
    root.lines, root.empty, root.foot)
}

// presets has a button for each operation that moves money, one click each.
function presets(routes, names) {
  let way = ways[0][1]
  const choice = el("fieldset", {class: "ways"}, el("legend", {}, "The next one"), ...ways.map(([text, what], i) =>
    el("label", {}, el("input", {type: "radio", name: "way", checked: i === 0, onchange: () => { way = what }}), text)))
  const button = (text, fault) => el("button", {type: "button", class: "small", onclick: () => add(fault())}, text)
  return [choice, el("dl", {class: "presets"},
    ...names.flatMap(provider => {
      const operations = new Set(routes.filter(r => r.provider === provider && r.moves_money).map(r => r.name))
      return [el("dt", {}, provider), el("dd", {class: "buttons"}, ...[...operations].map(operation => button(operation, () => ({provider, operation, times: 1, ...way}))))]
    }),
    el("dt", {}, "anything"), el("dd", {class: "buttons"}, ...general.map(([text, fault]) => button(text, () => fault))))]
}

function form(routes, names) {
  const option = (value, text) => el("option", {value}, text)
  const operation = el("select", {name: "operation"})
  const offer = () => {
    const provider = node.elements.provider.value
    const operations = new Map(routes.filter(r => r.provider === provider).map(r => [r.name, r]))
    operation.replaceChildren(option("", provider ? "any" : "choose a provider first"), ...[...operations].map(([name, r]) => option(name, name + " — " + r.method + " " + r.path)))
  }
  const node = el("form", {class: "form", "aria-label": "New rule", onsubmit: e => {
    e.preventDefault()
    const f = Object.fromEntries(new FormData(node))
    add({...f, times: Number(f.times), status: Number(f.status), seconds: Number(f.seconds)})
  }},
  el("label", {}, "Provider", el("select", {name: "provider", onchange: offer}, option("", "any"), ...names.map(p => option(p, p)))),
  el("label", {class: "wide"}, "Route", operation),
  el("label", {}, "Path pattern", el("input", {name: "path", placeholder: "any, or /api/**"})),
  el("label", {class: "wide"}, "What goes wrong", el("select", {name: "kind"}, ...Object.entries(kinds).map(([k, text]) => option(k, text)))),
  el("label", {}, "How often (0: always)", el("input", {name: "times", type: "number", min: "0", value: "1"})),
  el("label", {}, "Status", el("input", {name: "status", type: "number", min: "0", max: "599", value: "503"})),
  el("label", {}, "Seconds", el("input", {name: "seconds", type: "number", min: "0", step: "any", value: "5"})),
  el("button", {class: "primary"}, "Add the rule"))
  offer()
  return node
}

async function load() {
  const {faults, spent, total} = await api("/_fake/faults")
  rows(root.lines, [...faults.map(f => ({...f, left: true})), ...spent], f => f.id, line)
  root.lines.hidden = faults.length + spent.length === 0
  root.empty.hidden = !root.lines.hidden
  root.foot.textContent = faults.length < total ? shown(faults.length, total) : ""
}

// does says what a rule does, with its own numbers.
function does(f) {
  if (f.kind === "delay") return `wait ${f.seconds} s, then go on`
  if (f.kind === "status") return `respond with ${f.status}`
  if (f.kind === "rate_limit" && f.seconds) return `respond with 429, Retry-After ${f.seconds} s`
  return kinds[f.kind] + (f.kind === "html" && f.status ? ", status " + f.status : "")
}

function line(f) {
  const meets = [f.operation, f.method, f.path].filter(Boolean).join(" ") || "any request"
  return el("li", {class: f.left ? null : "spent"},
    el("span", {class: "provider"}, f.provider || "any"),
    el("span", {class: "mono clip", title: meets}, meets),
    el("span", {class: "what"}, does(f)),
    el("span", {class: "num"}, plural(f.hits, "hit") + (f.left ? f.times ? ", " + f.times + " to go" : ", always" : ", used up")),
    f.left ? acts([{name: "Remove", method: "DELETE", path: "/_fake/faults/" + f.id}], load) : el("span"))
}

export const update = soon(async () => {
  if (root?.lines.isConnected) await load()
})
