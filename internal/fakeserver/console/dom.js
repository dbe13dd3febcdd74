// What the parts share: elements, the admin API, addresses and formats. Data only
// ever becomes text, never HTML.

// el makes an element: el("a", {class: "main", href: "/"}, "text", child).
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value)
    else node.setAttribute(key, value === true ? "" : value)
  }
  node.append(...children.filter(c => c !== null && c !== undefined && c !== false))
  return node
}

// svg makes an element of a drawing.
export function svg(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}

// api calls the admin API. An error response throws its text.
export async function api(path, method = "GET", body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : {"Content-Type": "application/json"},
    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
  })
  const value = await response.json().catch(() => ({error: "HTTP " + response.status}))
  if (!response.ok) throw new Error(value.error || "HTTP " + response.status)
  return value
}

// query makes "?a=b" of what is not empty.
export function query(values) {
  const q = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value !== "" && value !== undefined && value !== null) q.set(key, value)
  return "?" + q
}

// address is the page's own state: its query.
export const address = () => Object.fromEntries(new URLSearchParams(location.search))

// at is the address with some values changed.
export const at = changes => "/" + query({...address(), ...changes})

export const time = t => t && !t.startsWith("0001-") ? t.slice(11, 19) : ""
export const day = t => t && !t.startsWith("0001-") ? t.slice(0, 10) + " " + t.slice(11, 19) : ""

// money groups the digits before the point by three.
export function money(amount, currency = "") {
  const [whole, rest] = String(amount).split(".")
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",")
  return (grouped + (rest ? "." + rest : "")).replace("-", "\u2212") + (currency ? "\u00a0" + currency : "")
}

export const count = n => money(n)

const results = {ok: ["✓", "ok"], pending: ["…", "pending"], refused: ["⊘", "refused"], failed: ["✕", "failed"]}

// chip shows a result by an icon and a word.
export function chip(result, text) {
  const [icon, word] = results[result] || ["", result]
  return el("span", {class: "chip result " + result}, el("span", {class: "icon", "aria-hidden": "true"}, icon), text || word)
}

// one is the name of one object of a kind.
export const one = kind => kind.replace(/ies$/, "y").replace(/s$/, "").replaceAll("_", " ")

export const deliveryResult = {pending: "pending", delivered: "ok", dead: "failed"}

// acts are the buttons of an object. A refused act shows its reason in place.
export function acts(all, done, first = "") {
  const refusal = el("span", {class: "refusal", role: "alert"})
  const buttons = all.map((a, i) => el("button", {
    type: "button", class: "small" + (i === 0 ? first : ""),
    onclick: async event => {
      event.preventDefault()
      refusal.textContent = ""
      try {
        await api(a.path, a.method, a.body)
        done()
      } catch (e) {
        refusal.textContent = e.message
      }
    },
  }, a.name))
  return el("div", {class: "buttons act"}, ...buttons, refusal)
}

// rows updates a list in place: rows with the same key and the same data stay, so
// that a selection of text and the focus stay.
export function rows(list, data, key, make) {
  const old = new Map([...list.children].map(n => [n.dataset.key, n]))
  let before = list.firstChild
  for (const d of data) {
    const k = String(key(d)), text = JSON.stringify(d)
    let node = old.get(k)
    if (node && node.dataset.text !== text) {
      const fresh = make(d)
      fresh.dataset.key = k
      const focused = node.contains(document.activeElement) ? document.activeElement.className : null
      node.replaceWith(fresh)
      if (before === node) before = fresh
      node = fresh
      if (focused) [...fresh.querySelectorAll("a, button")].find(n => n.className === focused)?.focus()
    } else if (!node) {
      node = make(d)
      node.dataset.key = k
    }
    node.dataset.text = text
    old.delete(k)
    if (node === before) before = node.nextSibling
    else list.insertBefore(node, before)
  }
  for (const node of old.values()) node.remove()
}

export function fact(name, ...value) {
  return value.every(v => v === "" || v === null || v === undefined) ? [] : [el("dt", {}, name), el("dd", {}, ...value)]
}

// pretty indents JSON and leaves other texts as they are.
export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

// body shows a body, pretty first, raw on demand.
export function body(title, text) {
  if (!text) return []
  const pre = el("pre", {tabindex: "0", "aria-label": title}, pretty(text))
  let raw = false
  const toggle = el("button", {
    type: "button", class: "small", "aria-pressed": "false",
    onclick: () => {
      raw = !raw
      pre.textContent = raw ? text : pretty(text)
      toggle.setAttribute("aria-pressed", String(raw))
    },
  }, "Raw")
  return [el("div", {class: "half"}, el("h3", {}, title), pretty(text) === text ? "" : toggle), pre]
}

export function headers(title, all) {
  const lines = Object.entries(all || {}).sort().map(([name, values]) => name + ": " + values.join(", "))
  return lines.length ? [el("h3", {}, title), el("pre", {tabindex: "0", "aria-label": title}, lines.join("\n"))] : []
}

// copier is a button that copies a text.
export function copier(label, text) {
  const button = el("button", {
    type: "button", class: "small",
    onclick: async () => {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text)
      button.textContent = "Copied"
      setTimeout(() => { button.textContent = label }, 1500)
    },
  }, label)
  return button
}

export const none = text => el("p", {class: "none"}, text)
