// @ts-check
/** Choosing the time zone that all times of the pages are in. */
import { choose, local, zone } from "./dates.js";
import { gettext } from "./texts.js";

/** @param {string} name */
function offset(name) {
  const part = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "longOffset" }).formatToParts(new Date()).find((each) => each.type === "timeZoneName");
  return (part?.value ?? "").replace("GMT", "UTC");
}

export function start() {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("zones"));
  if (!dialog) return;
  const input = dialog.querySelector("input"), list = dialog.querySelector("ul");
  /** @type {string[]} */
  let all = [];
  let at = 0;

  function show() {
    const wanted = input.value.trim().toLowerCase().replaceAll(" ", "_");
    const found = all.filter((name) => name.toLowerCase().includes(wanted)).slice(0, 60);
    list.replaceChildren(...found.map((name, index) => {
      const item = document.createElement("li"), button = document.createElement("button"), text = document.createElement("span"), about = document.createElement("span");
      item.setAttribute("role", "none");
      button.setAttribute("role", "option"); button.id = `zone-${index}`; button.dataset.zone = name;
      button.type = "button"; button.tabIndex = -1;
      text.textContent = name.replaceAll("_", " ");
      about.textContent = [name === zone ? gettext("chosen") : "", name === local ? gettext("of this computer") : "", offset(name)].filter(Boolean).join(" · ");
      button.append(text, about); item.append(button);
      return item;
    }));
    if (!found.length) { const none = document.createElement("li"); none.className = "none faint"; none.textContent = gettext("No time zone is called like that."); list.append(none); }
    mark(0);
  }

  /** @param {number} index */
  function mark(index) {
    const items = [...list.querySelectorAll("[role=option]")];
    at = Math.max(0, Math.min(index, items.length - 1));
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    if (items[at]) { items[at].scrollIntoView({ block: "nearest" }); input.setAttribute("aria-activedescendant", items[at].id); }
  }

  /** @param {Element | null | undefined} item */
  function take(item) { const name = item?.getAttribute("data-zone"); if (name) { choose(name); dialog.close(); } }

  list.addEventListener("click", (event) => take(/** @type {Element} */ (event.target).closest("[data-zone]")));
  input.addEventListener("input", show);
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); mark(at + (event.key === "ArrowDown" ? 1 : -1)); }
    if (event.key === "Enter") { event.preventDefault(); take(list.querySelector('[aria-selected="true"]')); }
  });
  dialog.addEventListener("open-it", () => {
    if (!all.length) all = [...new Set([local, "UTC", ...Intl.supportedValuesOf("timeZone")])];
    input.value = "";
    dialog.showModal();
    show();
  });
}
