// @ts-check
/** The page about the API: operations are filtered as one types, and sent as the reader, or with the token she gives. */
import { gettext } from "./texts.js";

const MOST = 200_000; // characters of an answer that are shown: a log may have gigabytes

/** @param {HTMLFormElement} form @returns {string} the address that its fields make */
export function address(form) {
  const query = new URLSearchParams();
  let path = form.dataset.path;
  for (const each of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("[data-in]"))) {
    if (each.dataset.in === "path") path = path.replace(`{${each.name}}`, () => encodeURIComponent(each.value));
    else if (each.value) for (const value of "several" in each.dataset ? each.value.split(",") : [each.value]) query.append(each.name, value.trim());
  }
  return path + (query.size ? `?${query}` : "");
}

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @param {HTMLFormElement} form */
function curl(form) {
  const body = /** @type {HTMLTextAreaElement | null} */ (form.querySelector("[data-body]"))?.value.trim();
  const method = form.dataset.method === "GET" ? "" : ` -X ${form.dataset.method}`;
  return `curl${method} -H "Authorization: Bearer $TOKEN"${body ? ` -H 'Content-Type: application/json' -d ${quoted(body)}` : ""} ${quoted(location.origin + address(form))}`;
}

/** @param {Response} response @param {HTMLElement} box  shown as it comes: some answers go on for as long as a run */
async function show(response, box) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let part = await reader?.read(); part && !part.done; part = await reader.read()) {
    text += part.value;
    if (text.length > MOST) { text = `${text.slice(0, MOST)}\n${gettext("… and more, which is not shown.")}`; reader.cancel(); break; }
    box.textContent = text;
  }
  try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* it is text */ }
  box.textContent = text;
  box.hidden = !text;
}

/** @param {HTMLFormElement} form @param {string} csrf @param {string} token @returns {RequestInit} */
function request(form, csrf, token) {
  const body = /** @type {HTMLTextAreaElement | null} */ (form.querySelector("[data-body]"))?.value.trim();
  const media = /** @type {HTMLSelectElement | null} */ (form.querySelector("select[data-accept]"))?.value ?? form.dataset.accept;
  const headers = { Accept: `${media}, */*;q=0.1`, ...(body ? { "Content-Type": "application/json" } : {}) };
  Object.assign(headers, token ? { Authorization: `Bearer ${token}` } : csrf ? { "X-CSRFToken": csrf } : {});
  return { method: form.dataset.method, headers, redirect: "manual", credentials: token ? "omit" : "same-origin", ...(body ? { body } : {}) };
}

/** @type {WeakMap<HTMLFormElement, AbortController>} */
const underWay = new WeakMap();

/** @param {HTMLFormElement} form @param {string} csrf @param {string} token */
async function send(form, csrf, token) {
  underWay.get(form)?.abort();
  const mine = new AbortController(), began = performance.now();
  underWay.set(form, mine);
  const box = /** @type {HTMLElement} */ (form.querySelector(".result")), said = box.querySelector(".said"), answer = /** @type {HTMLElement} */ (box.querySelector(".answer"));
  box.hidden = false; answer.hidden = true; answer.textContent = "";
  box.querySelector(".curl").textContent = curl(form);
  said.textContent = gettext("Asking …");
  try {
    const response = await fetch(address(form), { ...request(form, csrf, token), signal: mine.signal });
    const status = response.type === "opaqueredirect" ? gettext("It leads elsewhere (307).") : `${response.status} ${response.statusText}`;
    box.dataset.good = String(response.ok || response.type === "opaqueredirect");
    said.textContent = gettext("{status} · {time} ms", { status, time: Math.round(performance.now() - began) });
    answer.hidden = false;
    await show(response, answer);
  } catch (error) {
    if (mine.signal.aborted) return; // asked anew
    box.dataset.good = "false";
    said.textContent = gettext("No answer: {why}", { why: /** @type {Error} */ (error).message });
  }
}

/** A link of the contents leads nowhere while all of its group is filtered away. @param {HTMLElement} place */
function contents(place) {
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (place.querySelectorAll(".folders a"))) link.hidden = !place.querySelector(link.hash).closest(".ops").querySelector(".op:not([hidden])");
}

/** What the address names is shown: also after a reload, and when a filter has hidden it. */
function reveal() {
  const found = location.hash && document.getElementById(location.hash.slice(1)), box = /** @type {HTMLDetailsElement | null} */ (found && found.closest(".op"));
  if (!box) return;
  box.hidden = false; box.open = true;
  found.scrollIntoView();
}

/** @param {HTMLElement} place @param {HTMLInputElement} input */
function filter(place, input) {
  const words = input.value.toLowerCase().split(/\s+/);
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (place.querySelectorAll(".op"))) each.hidden = !words.every((word) => each.dataset.text.includes(word));
  contents(place);
  const query = new URLSearchParams(input.value ? { q: input.value } : {});
  history.replaceState(null, "", location.pathname + (query.size ? `?${query}` : ""));
}

/** @param {HTMLElement} place */
export function start(place) {
  const token = /** @type {HTMLInputElement} */ (place.querySelector("[data-token]"));
  const input = /** @type {HTMLInputElement} */ (place.querySelector("[type=search]"));
  token.hidden = false;
  if (matchMedia("(max-width: 1000px)").matches) place.querySelector(".folders").removeAttribute("open");
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (place.querySelectorAll("button[hidden]"))) button.hidden = false;
  input.addEventListener("input", () => filter(place, input));
  contents(place);
  reveal();
  addEventListener("hashchange", reveal);
  place.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.dataset.path) send(form, place.dataset.csrf, token.value.trim());
  });
}
