// A redraw keeps what a person reads: an element that is still needed stays the same
// element, with its focus, its selection and its place of scrolling.

const handlers = ["onclick", "onchange", "oninput", "onsubmit"]

// stays marks an element that no redraw changes: what a person was told there, or a list
// that is redrawn by itself.
export function stays(node) {
  node.stays = true
  return node
}

// fill gives an element these children. Those with a key keep their element wherever
// they are, the others as long as their order is the same.
export function fill(parent, ...children) {
  const fresh = children.filter(c => c !== "" && c !== null && c !== undefined && c !== false).map(c => typeof c === "string" ? new Text(c) : c)
  const keys = new Set(fresh.map(n => n.key)), old = new Map()
  for (const node of [...parent.childNodes]) {
    if (!node.key) continue
    if (keys.has(node.key)) old.set(node.key, node)
    else remove(node)
  }
  let place = parent.firstChild
  for (const node of fresh) {
    const kept = node.key ? old.get(node.key) : next(place, node)
    if (!kept) {
      parent.insertBefore(node, place)
      continue
    }
    if (!node.key) while (place !== kept) place = remove(place)
    if (kept !== node) patch(kept, node)
    if (kept !== place) parent.insertBefore(kept, place)
    place = kept.nextSibling
  }
  while (place) place = remove(place)
}

// next is the first node from place on that a fresh node can be drawn in.
function next(place, fresh) {
  const kind = node => node.nodeName + " " + (node.getAttribute?.("class") || "").split(" ")[0]
  while (place && !place.key && kind(place) !== kind(fresh)) place = place.nextSibling
  return place?.key ? null : place
}

function patch(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data
    return
  }
  if (old.stays) return
  for (const {name} of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name)
  for (const {name, value} of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value)
  for (const name of handlers) if (old[name] !== fresh[name]) old[name] = fresh[name]
  old.drawnFrom = fresh.drawnFrom
  old.to = fresh.to
  fill(old, ...fresh.childNodes)
}

// remove takes a node away and returns the next. The focus in it goes to what is around
// it, so that the next Tab goes on from there.
function remove(node) {
  const after = node.nextSibling, around = node.contains(document.activeElement) && node.parentElement.closest("[tabindex]")
  node.remove()
  if (around) around.focus({preventScroll: true})
  return after
}

// rows draws a list of data. A row is drawn anew only if its data have changed.
export function rows(list, data, key, make) {
  const old = new Map([...list.children].map(n => [n.key, n]))
  fill(list, ...data.map(d => {
    const k = String(key(d)), text = JSON.stringify(d)
    if (old.get(k)?.drawnFrom === text) return old.get(k)
    return Object.assign(make(d), {key: k, drawnFrom: text})
  }))
}
