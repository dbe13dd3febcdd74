// Rules that make requests go wrong.
import {acts, api, count, el, none, rows} from "./dom.js"
import {providers} from "./timeline.js"

let root, waiting

const kinds = {
  drop_after: "do the work, then drop the connection", drop_before: "drop the connection, do nothing", status: "respond with a status",
  delay: "wait, then go on", rate_limit: "respond with 429", html: "respond with a proxy's HTML page", truncate: "do the work, send half the response",
  malformed: "do the work, send broken JSON", expire_token: "expire all tokens first",
}

// presets are what is wanted most, each one click.
const presets = [
  ["The next payment is made, then the connection drops", {provider: "kpay", method: "POST", path: "/", times: 1, kind: "drop_after"}],
  ["The next ride is made, then the connection drops", {provider: "kapiten", method: "POST", path: "/api/rides/", times: 1, kind: "drop_after"}],
  ["The next payout is made, then the connection drops", {provider: "kasapay", method: "POST", path: "/v1/payouts/b2b/initiate", times: 1, kind: "drop_after"}],
  ["Every provider responds with 503", {kind: "status", status: 503}],
  ["The next request expires all tokens", {kind: "expire_token", times: 1}],
]

export async function show(list) {
  if (!root || root.parent !== list || !list.contains(root.lines)) await draw(list)
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

// breakNext makes the next call of a route be done and its connection drop.
export async function breakNext(provider, method, path) {
  try {
    await api("/_fake/faults", "POST", {provider, method, path, times: 1, kind: "drop_after"})
    return "The next one is done, then its connection drops."
  } catch (e) {
    return e.message
  }
}

async function draw(list) {
  const {routes} = await api("/_fake/routes")
  const option = (value, text) => el("option", {value}, text)
  root = {parent: list, lines: el("ol", {class: "lines faults", "aria-label": "Rules"}), problem: el("p", {class: "refusal", role: "alert"})}
  const route = el("select", {name: "route"})
  const fill = () => {
    const provider = root.form.elements.provider.value
    route.replaceChildren(option("", "any"), ...routes.filter(r => !provider || r.provider === provider)
      .map(r => option(r.method + " " + r.path, (provider ? "" : r.provider + " ") + r.name + " — " + r.method + " " + r.path)))
  }
  root.form = el("form", {class: "form", "aria-label": "New rule", onsubmit: e => {
    e.preventDefault()
    const f = Object.fromEntries(new FormData(root.form))
    const glob = f.path || f.route.slice(f.route.indexOf(" ") + 1).replace(/\{[^}]*\}/g, "*")
    const method = f.path ? "" : f.route.includes(" ") ? f.route.split(" ")[0] : ""
    add({provider: f.provider, method, path: f.route || f.path ? glob : "", times: Number(f.times), kind: f.kind, status: Number(f.status), seconds: Number(f.seconds)})
  }},
  el("label", {}, "Provider", el("select", {name: "provider", onchange: fill}, option("", "any"), ...providers.map(p => option(p, p)))),
  el("label", {class: "wide"}, "Route", route),
  el("label", {}, "or a path pattern", el("input", {name: "path", placeholder: "/api/** "})),
  el("label", {class: "wide"}, "What goes wrong", el("select", {name: "kind"}, ...Object.entries(kinds).map(([k, text]) => option(k, text)))),
  el("label", {}, "How often (0: always)", el("input", {name: "times", type: "number", min: "0", value: "1"})),
  el("label", {}, "Status", el("input", {name: "status", type: "number", min: "0", max: "599", value: "503"})),
  el("label", {}, "Seconds", el("input", {name: "seconds", type: "number", min: "0", step: "any", value: "5"})),
  el("button", {class: "primary"}, "Add the rule"))
  fill()
  list.replaceChildren(
    el("div", {class: "panel"}, el("h2", {}, "Break something"),
      el("p", {class: "buttons"}, ...presets.map(([text, fault]) => el("button", {type: "button", class: "small", onclick: () => add(fault)}, text)))),
    el("div", {class: "panel"}, el("h2", {}, "New rule"), root.form, root.problem),
    root.lines)
  root.empty = none("No rule: everything goes as it should.")
  list.append(root.empty)
}

async function load() {
  const {faults, spent} = await api("/_fake/faults")
  rows(root.lines, [...faults.map(f => ({...f, left: true})), ...spent], f => f.id, line)
  root.lines.hidden = faults.length + spent.length === 0
  root.empty.hidden = !root.lines.hidden
}

function line(f) {
  const hits = f.hits === 1 ? "1 hit" : count(f.hits) + " hits"
  return el("li", {},
    el("span", {class: "provider"}, f.provider || "any"),
    el("span", {}, f.kind + (f.kind === "status" ? " " + f.status : f.kind === "delay" ? " " + f.seconds + " s" : "")),
    el("span", {class: "what clip mono"}, (f.method || "any") + " " + (f.path || "any path")),
    el("span", {class: "num"}, hits + (f.left ? f.times ? ", " + f.times + " to go" : ", always" : ", used up")),
    f.left ? acts([{name: "Remove", method: "DELETE", path: "/_fake/faults/" + f.id}], load) : el("span"))
}

export function update() {
  if (waiting) return
  waiting = setTimeout(() => {
    waiting = null
    if (root && root.parent.contains(root.lines)) load()
  }, 600)
}
