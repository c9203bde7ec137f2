// @ts-check
/** Picking cells of the grid, to act on them at once: Ctrl or Shift and a click, a drag, or x on the focused cell. */
import { gettext } from "./texts.js";

/** @typedef {import("./grid_view.js").Line} Line */

export class Picks {
  /** @param {import("./grid_view.js").View} view @param {HTMLFormElement} form */
  constructor(view, form) {
    this.view = view; this.form = form; this.most = Number(form.dataset.most);
    /** Where a range begins: the row's key and the run. @type {[string, number] | null} */
    this.anchor = null;
    /** Where the pointer went down, until it goes up. @type {[Line, number] | null} */
    this.down = null;
    this.dragged = false;
  }

  listen() {
    const { grid } = this.view;
    grid.addEventListener("click", (event) => {
      const known = this.#known(event);
      if (this.dragged) { event.preventDefault(); event.stopPropagation(); this.dragged = false; return; }
      if (!known || !(event.ctrlKey || event.metaKey || event.shiftKey)) return;
      event.preventDefault(); event.stopPropagation();
      if (event.shiftKey) this.range(...known); else this.toggle(...known);
    }, true);
    grid.addEventListener("dragstart", (event) => event.preventDefault());
    grid.addEventListener("pointerdown", (event) => {
      this.dragged = false;
      this.down = event.pointerType === "mouse" && event.button === 0 && !event.shiftKey && !event.ctrlKey && !event.metaKey ? this.#known(event) ?? null : null;
    });
    grid.addEventListener("pointerover", (event) => {
      const known = this.down && event.buttons === 1 ? this.#known(event) : undefined;
      if (!known || (!this.dragged && known[0] === this.down[0] && known[1] === this.down[1])) return;
      if (!this.dragged) { this.dragged = true; grid.classList.add("picking"); this.view.picked.clear(); this.#from(...this.down); }
      this.view.picked.clear(); this.range(...known);
    });
    addEventListener("pointerup", () => { this.down = null; grid.classList.remove("picking"); });
    grid.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const known = this.#known(event);
      if (event.key === "Escape" && this.view.picked.size) { event.preventDefault(); this.nothing(); }
      if (known && event.key === "x") this.toggle(...known);
      if (known && event.key === "X") this.range(...known);
    });
    this.form.querySelector("[data-unpick]").addEventListener("click", () => this.nothing());
    document.addEventListener("acted", () => this.nothing());
  }

  /** The cell below the head that an event is about. @param {Event} event @returns {[Line, number] | undefined} */
  #known(event) {
    const known = this.view.at(/** @type {Element} */ (event.target).closest("[data-cell]"));
    return known && known[0] !== this.view.head ? known : undefined;
  }

  /** @param {Line} line @param {number} column */
  #from(line, column) { this.anchor = [line.row.key, this.view.model.runs[column].pk]; }

  /** @param {Line} line @param {number} column */
  toggle(line, column) {
    const key = this.view.pickKey(line.row, this.view.model.runs[column]), { picked } = this.view;
    if (!key) return;  // of a group, or of a run without the task
    if (!picked.delete(key)) picked.add(key);
    this.#from(line, column); this.show();
  }

  /** All from where the last one was picked to here, of the rows one sees. @param {Line} line @param {number} column */
  range(line, column) {
    const { view } = this, { model } = view;
    if (!this.anchor) this.#from(line, column);
    const rows = [view.order.indexOf(this.anchor[0]), view.order.indexOf(line.row.key)], columns = [model.runs.findIndex((run) => run.pk === this.anchor[1]), column];
    if (rows[0] < 0 || columns[0] < 0) { this.toggle(line, column); return; }
    for (const row of view.order.slice(Math.min(...rows), Math.max(...rows) + 1)) {
      for (const run of model.runs.slice(Math.min(...columns), Math.max(...columns) + 1)) {
        const key = view.pickKey(view.lines.get(row).row, run);
        if (key) view.picked.add(key);
      }
    }
    this.show();
  }

  nothing() { this.view.picked.clear(); this.anchor = null; this.show(); }

  /** Draw what is picked, and offer what can be done with it. */
  show() {
    const { picked, model } = this.view, count = picked.size, much = count > this.most;
    this.view.paint(new Set(model.runs.map((run) => run.pk)));
    this.form.hidden = !count;
    this.form.querySelector(".count").textContent = much ? gettext("{count} picked, at most {most}", { count, most: this.most }) : gettext("{count} picked", { count });
    for (const button of this.form.querySelectorAll("[name=action]")) /** @type {HTMLButtonElement} */ (button).disabled = much;
    /** @type {Map<string, string[]>} */
    const runs = new Map();
    for (const key of picked) { const at = key.indexOf(":"), task = key.slice(at + 1); runs.set(task, [...runs.get(task) ?? [], key.slice(0, at)]); }
    this.form.querySelector("[data-cells]").replaceChildren(...[...runs].map(([task, pks]) => Object.assign(document.createElement("input"), { type: "hidden", name: "cell", value: `${pks.join(",")}:${task}` })));
  }
}
