// @ts-check
/** Making SVG. */
export const NS = "http://www.w3.org/2000/svg";

/** @param {string} tag @param {Record<string, string | number>} [attributes] @param {...(Node | string)} inside */
export function svg(tag, attributes = {}, ...inside) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (inside.length) element.append(...inside);
  return element;
}

/** @param {string} text @param {number} most */
export const cut = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** The glyphs of the states as symbols, read from the style sheet: they are drawn in one place only. @param {string[]} states */
export function glyphs(states) {
  const probe = document.createElement("i"), found = svg("defs");
  document.body.append(probe);
  for (const state of states) {
    probe.className = `st st-${state}`;
    const source = /url\("?data:image\/svg\+xml,([^"]+)"?\)/.exec(getComputedStyle(probe).getPropertyValue("--g"));
    if (!source) continue;
    const drawn = new DOMParser().parseFromString(decodeURIComponent(source[1].replaceAll("\\", "")), "image/svg+xml").documentElement;
    const group = svg("g");
    for (const { name, value } of drawn.attributes) if (/^(fill|stroke)/.test(name)) group.setAttribute(name, value.replace(/#000\b/, "currentColor"));
    for (const child of [...drawn.children]) group.append(child);
    found.append(svg("symbol", { id: `glyph-${state}`, viewBox: "0 0 16 16" }, group));
  }
  probe.remove();
  return found;
}
