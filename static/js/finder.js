// @ts-check
/** Finding anything from anywhere: DAGs, runs, tasks, assets, pages, and what can be done. */
import { openDialog } from "./dialogs.js";
import { ask } from "./fetch.js";
import { gettext } from "./texts.js";

/** @typedef {{kind: string, name: string, about: string, to: string, state: string, dialog: boolean}} Found */

/** What the finds of a kind stand under. */
const HEADS = { Favorite: () => gettext("Favorites"), Task: () => gettext("Tasks"), Run: () => gettext("Runs"), Asset: () => gettext("Assets"), Page: () => gettext("Pages"), Action: () => gettext("Actions") };

export function start() {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("finder"));
  if (!dialog) return;
  const input = dialog.querySelector("input"), list = dialog.querySelector("ul");
  let at = 0, round = 0, timer = 0;

  async function look() {
    const mine = ++round, text = input.value;
    /** @type {{found: Found[]}} */
    const { found } = await (await ask(`${document.body.dataset.search}?q=${encodeURIComponent(text)}`)).json();
    if (mine !== round) return;
    let kind = "";
    list.replaceChildren(...found.flatMap((each, index) => {
      const lines = each.kind === kind ? [] : [head(each.kind)];
      kind = each.kind;
      return [...lines, row(each, index)];
    }));
    if (!found.length) list.append(note(text ? gettext("Nothing is called “{text}”.", { text }) : gettext("Type a name.")));
    mark(0);
  }

  /** @param {string} kind */
  function head(kind) {
    const item = document.createElement("li");
    item.className = "kind"; item.setAttribute("role", "presentation");
    item.textContent = HEADS[kind]?.() ?? (kind.endsWith("s") ? kind : `${kind}s`);
    return item;
  }

  /** @param {string} text */
  function note(text) { const item = document.createElement("li"); item.className = "none faint"; item.textContent = text; return item; }

  /** @param {Found} each @param {number} index */
  function row(each, index) {
    const item = document.createElement("li"), link = document.createElement("a"), name = document.createElement("span"), about = document.createElement("span");
    item.setAttribute("role", "none");
    link.setAttribute("role", "option"); link.id = `found-${index}`;  // the link itself: an option holds nothing that one could act on
    link.href = each.to; link.tabIndex = -1;
    if (each.dialog) link.dataset.opens = "";
    if (each.state) { const dot = document.createElement("i"); dot.className = `st st-${each.state}`; dot.title = each.state.replaceAll("_", " "); link.append(dot); }
    name.textContent = each.name; about.textContent = each.about;
    link.append(name, about); item.append(link);
    return item;
  }

  /** @param {number} index */
  function mark(index) {
    const items = [...list.querySelectorAll("[role=option]")];
    at = Math.max(0, Math.min(index, items.length - 1));
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    if (items[at]) { items[at].scrollIntoView({ block: "nearest" }); input.setAttribute("aria-activedescendant", items[at].id); } else input.removeAttribute("aria-activedescendant");
    if (at === 0) list.scrollTop = 0;
  }

  list.addEventListener("click", (event) => {
    const link = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (event.target).closest("a"));
    if (link && "opens" in link.dataset && !event.ctrlKey && !event.metaKey) { event.preventDefault(); dialog.close(); openDialog(link.href); }
  });
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 90); });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); mark(at + (event.key === "ArrowDown" ? 1 : -1)); }
    if (event.key === "Enter") { event.preventDefault(); /** @type {HTMLAnchorElement | null} */ (list.querySelector('[aria-selected="true"]'))?.click(); }
  });
  dialog.addEventListener("open-it", () => { dialog.showModal(); input.select(); look(); });
}
