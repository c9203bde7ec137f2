// @ts-check
/** Times in the chosen zone, relative times that move on, and clocks of what still runs. */
import { recall, remember } from "./store.js";
import { gettext } from "./texts.js";

export const local = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
/** What was chosen, unless this browser knows it no more. */
function remembered() {
  const name = recall("zone", "local");
  if (name === "local") return local;
  if (name === "utc") return "UTC";
  try { formatter(name); return name; } catch { return local; }
}
export let zone = remembered();

/** @param {string} timeZone */
function formatter(timeZone) {
  return new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
}
let format = formatter(zone);
/** @param {string} timeZone */
function offsetsOf(timeZone) { return new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" }); }
let offsets = offsetsOf(zone);

/** @param {Date | number} date */
export function absolute(date) { return format.format(date); }

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))}ms`;
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const whole = Math.floor(seconds), h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, s = whole % 60;
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${h}h ${two(m)}m ${two(s)}s` : m ? `${m}m ${two(s)}s` : `${s}s`;
}

/** @param {number} seconds  how long ago; negative = in the future */
export function relative(seconds) {
  const size = Math.abs(seconds);
  if (size < 5) return seconds < 0 ? gettext("now") : gettext("just now");
  const [n, unit] = size < 60 ? [size, "s"] : size < 3600 ? [size / 60, "min"] : size < 86400 ? [size / 3600, "h"] : [size / 86400, "d"];
  const text = `${Math.floor(n)} ${unit}`;
  return seconds < 0 ? gettext("in {span}", { span: text }) : gettext("{span} ago", { span: text });
}

/** How far the zone is from UTC at a time. @param {Date} date */
function offset(date) {
  if (zone === "UTC") return "+00:00";
  const part = offsets.formatToParts(date).find((each) => each.type === "timeZoneName");
  return part?.value.replace("GMT", "") || "+00:00";
}

/** A mark of an axis: the hour, of a long one with its day. @param {Date} date @param {boolean} withDay */
function axis(date, withDay) { return absolute(date).slice(withDay ? 5 : 11, 16); }

/** @param {HTMLTimeElement} element */
function show(element) {
  const date = new Date(element.dateTime);
  if (Number.isNaN(date.getTime())) return;
  const full = `${absolute(date)} ${zone} (${offset(date)})`;
  const text = element.dataset.form === "ago" ? relative((Date.now() - date.getTime()) / 1000) : element.dataset.form?.startsWith("axis") ? axis(date, element.dataset.form === "axis-day") : element.dataset.form === "ms" ? `${absolute(date)}.${String(date.getMilliseconds()).padStart(3, "0")}` : absolute(date);
  if (element.textContent !== text) element.textContent = text;
  element.title = element.dataset.form === "ago" ? full : `${full} · ${relative((Date.now() - date.getTime()) / 1000)}`;
}

/** @param {ParentNode} root */
export function apply(root) {
  for (const element of root.querySelectorAll("time[datetime]")) show(/** @type {HTMLTimeElement} */ (element));
  for (const element of root.querySelectorAll("[data-zone-name]")) if (element.textContent !== zone) element.textContent = zone;
  clocks(root);
}

/** @param {ParentNode} root */
function clocks(root) {
  for (const element of root.querySelectorAll("[data-since]")) {
    const since = Date.parse(element.getAttribute("data-since") ?? "");
    const text = duration(Math.max(0, Math.floor((Date.now() - since) / 1000)));
    if (element.textContent !== text) element.textContent = text;
  }
}

/** The server reads the times that are typed into forms in the zone that the page shows. */
function tellServer() { document.cookie = `zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`; }

function label() {
  const button = document.querySelector("[data-zone]");
  if (!button) return;
  button.lastElementChild.textContent = zone === "UTC" ? "UTC" : zone.split("/").pop().replaceAll("_", " ");
  button.setAttribute("aria-label", gettext("Time zone: {zone}", { zone }));
}

/** Show all times in another zone from now on. @param {string} name */
export function choose(name) {
  zone = name;
  remember("zone", name === "UTC" ? "utc" : name === local ? "local" : name);
  format = formatter(zone); offsets = offsetsOf(zone);
  tellServer(); label(); apply(document);
  document.dispatchEvent(new Event("zone"));
}

export function start() {
  tellServer(); label(); apply(document);
  setInterval(() => { if (!document.hidden) clocks(document); }, 1000);
  setInterval(() => { if (!document.hidden) for (const element of document.querySelectorAll('time[data-form="ago"]')) show(/** @type {HTMLTimeElement} */ (element)); }, 5000);
}
