// @ts-check
/** The slider over a run's time: what it points at is fetched while it is dragged, or while the run is played. */
import { apply } from "./dates.js";
import { ask } from "./fetch.js";
import { morphInto } from "./morph.js";
import { gently } from "./refresh.js";
import { gettext } from "./texts.js";

/** @param {HTMLFormElement} form */
export function start(form) {
  const slider = /** @type {HTMLInputElement} */ (form.elements.namedItem("at")), box = document.getElementById("replay");
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("[data-play]"));
  const speed = /** @type {HTMLSelectElement} */ (form.elements.namedItem("speed"));
  const end = Number(slider.max);
  let playing = 0, last = 0;

  const show = gently(async () => {
    const at = slider.value, query = new URLSearchParams(location.search);
    query.set("at", at);
    history.replaceState(null, "", `${location.pathname}?${query}`);
    query.set("part", "replay");
    const html = await (await ask(`${location.pathname}?${query}`)).text();
    morphInto(box, html);
    apply(box);
  });

  /** @param {boolean} on */
  function play(on) {
    cancelAnimationFrame(playing);
    playing = 0;
    button.setAttribute("aria-pressed", String(on));
    button.lastElementChild.textContent = on ? gettext("Pause") : gettext("Play");
    if (!on) return;
    if (Number(slider.value) >= end) slider.value = "0";
    last = performance.now();
    playing = requestAnimationFrame(step);
  }

  /** @param {number} now */
  function step(now) {
    // A tab that was hidden for an hour goes on where it was.
    const passed = Math.min(now - last, 1000) / 1000;
    last = now;
    slider.value = String(Math.min(Number(slider.value) + passed * Number(speed.value), end));
    show();
    if (Number(slider.value) >= end) play(false); else playing = requestAnimationFrame(step);
  }

  button.hidden = false;
  speed.disabled = false;
  /** @type {HTMLElement} */ (form.querySelector("[data-speed]")).hidden = false;
  button.addEventListener("click", () => play(!playing));
  slider.addEventListener("input", () => { if (playing) play(false); show(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); show(); });
  box.addEventListener("click", (event) => {
    const link = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-at]"));
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    play(false);
    slider.value = link.dataset.at ?? "0";
    show();
  });
}
