// @ts-check
/** A small box beside what the pointer or the focus is on. */
const WORDS = { none: "no status" };
/** @param {string} state */
export function words(state) { return WORDS[state] ?? state.replaceAll("_", " "); }

/** @type {HTMLElement | null} */
let box = null;
export function hideTip() { if (box) box.hidden = true; }

/** @param {Element} element @param {string} title @param {string[][]} lines  [text, state] each */
export function tipFor(element, title, lines) {
  if (!box) { box = document.createElement("div"); box.className = "tip"; box.setAttribute("aria-hidden", "true"); document.body.append(box); }
  const name = document.createElement("b");
  name.textContent = title;
  box.replaceChildren(name, ...lines.map(([text, state]) => {
    const line = document.createElement("div");
    if (state) { const dot = document.createElement("i"); dot.className = `st st-${state}`; line.append(dot); }
    line.append(text);
    return line;
  }));
  box.hidden = false;
  const at = element.getBoundingClientRect(), own = box.getBoundingClientRect();
  const left = Math.min(innerWidth - own.width - 8, Math.max(8, at.left + at.width / 2 - own.width / 2));
  const top = at.bottom + own.height + 10 > innerHeight ? at.top - own.height - 8 : at.bottom + 8;
  box.style.left = `${left}px`; box.style.top = `${Math.max(8, top)}px`;
}
