// @ts-check
/** Finding a DAG from anywhere. */
import { ask } from "./fetch.js";

export function start() {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("finder"));
  if (!dialog) return;
  const input = dialog.querySelector("input"), list = dialog.querySelector("ul");
  let at = 0, round = 0, timer = 0;

  async function look() {
    const mine = ++round;
    const { found } = await (await ask(`${document.body.dataset.search}?q=${encodeURIComponent(input.value)}`)).json();
    if (mine !== round) return;
    list.replaceChildren(...found.map(row));
    if (!found.length) { const none = document.createElement("li"); none.className = "sys faint"; none.textContent = "No DAG is called like that."; none.style.padding = "14px"; list.append(none); }
    mark(0);
  }
  /** @param {{name: string, about: string, to: string}} each */
  function row(each) {
    const item = document.createElement("li"), link = document.createElement("a"), name = document.createElement("span"), about = document.createElement("span");
    item.setAttribute("role", "option");
    link.href = each.to; link.tabIndex = -1; name.textContent = each.name; about.textContent = each.about;
    link.append(name, about); item.append(link);
    return item;
  }
  /** @param {number} index */
  function mark(index) {
    const items = [...list.querySelectorAll("li[role=option]")];
    at = Math.max(0, Math.min(index, items.length - 1));
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    items[at]?.scrollIntoView({ block: "nearest" });
  }
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 90); });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); mark(at + (event.key === "ArrowDown" ? 1 : -1)); }
    if (event.key === "Enter") { event.preventDefault(); /** @type {HTMLAnchorElement | null} */ (list.querySelector('[aria-selected="true"] a'))?.click(); }
  });
  dialog.addEventListener("open-it", () => { dialog.showModal(); input.select(); look(); });
}
