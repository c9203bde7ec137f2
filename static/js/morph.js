// @ts-check
/**
 * Make an element's content equal to HTML from the server by changing only what differs, so that focus,
 * selection, scroll and opened folds stay. Elements with an id are matched by it, others by place and name.
 *
 * @param {Element} element
 * @param {string} html
 */
export function morphInto(element, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  children(element, template.content);
}

/** @param {Element} into @param {DocumentFragment | Element} source */
function children(into, source) {
  const byId = new Map();
  for (const child of into.children) if (child.id) byId.set(child.id, child);
  const wanted = new Set();
  for (const child of source.children) if (child.id) wanted.add(child.id);
  let at = into.firstChild;
  for (const fresh of [...source.childNodes]) {
    const id = fresh instanceof Element ? fresh.id : "";
    let found = id ? byId.get(id) : null;
    if (!id) {
      while (at instanceof Element && at.id && !wanted.has(at.id)) { const gone = at; at = at.nextSibling; gone.remove(); }
      if (at && at.nodeName === fresh.nodeName && !(at instanceof Element && at.id)) found = at;
    }
    if (!found || found.nodeName !== fresh.nodeName) { into.insertBefore(fresh, at); continue; }
    if (found === at) at = at.nextSibling; else into.insertBefore(found, at);
    node(found, fresh);
  }
  while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
}

/** @param {Node} old @param {Node} fresh */
function node(old, fresh) {
  if (!(old instanceof Element) || !(fresh instanceof Element)) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  const sameTime = (old.matches("time") && old.getAttribute("datetime") === fresh.getAttribute("datetime"))
    || (old.hasAttribute("data-since") && old.getAttribute("data-since") === fresh.getAttribute("data-since"));
  if (sameTime) return;
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) {
    if (name === "open" && old.matches("details, dialog")) continue;
    old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) {
    if (name === "open" && old.matches("details, dialog")) continue;
    old.removeAttribute(name);
  }
  if (old === document.activeElement && old.matches("input, textarea, select")) return;
  if (old.matches("[data-module], [data-keep]")) return;
  children(old, fresh);
}
