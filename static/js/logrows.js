// @ts-check
/** One line of a log as an element: number, time, level, source, text with colours and links. Text never becomes markup. */
import { pieces } from "./ansi.js";
import { absolute } from "./dates.js";
import { gettext, ngettext } from "./texts.js";

const LEVELS = { debug: "debug", info: "info", warning: "warning", warn: "warning", error: "error", critical: "error", fatal: "error" };
const KNOWN = new Set(["timestamp", "level", "event", "logger", "error_detail"]);
const URL_IN_TEXT = /https?:\/\/[^\s<>"'`\x00-\x1f]+[^\s<>"'`.,;:!?)\]}\x00-\x1f]/g;
const LONGEST = 20000;
const TRACE = /^(?:Traceback \(most recent call last\):| {2}File ".*", line \d+)/m;

/** @param {any} record */
export function textOf(record) {
  const event = typeof record.event === "string" ? record.event : JSON.stringify(record.event ?? record);
  const rest = Object.keys(record).filter((key) => !KNOWN.has(key)).map((key) => `${key}=${typeof record[key] === "string" ? record[key] : JSON.stringify(record[key])}`);
  return event + (rest.length && event ? `  ${rest.join(" ")}` : "") + (record.error_detail ? `\n${JSON.stringify(record.error_detail, null, 1)}` : "");
}

/** @param {unknown} value */
function stamp(value) {
  const date = typeof value === "number" ? new Date(value * 1000) : typeof value === "string" ? new Date(value) : null;
  return date && !Number.isNaN(date.getTime()) ? date : null;
}

/** @param {HTMLTimeElement} element @param {Date} at */
function clock(element, at) {
  element.textContent = `${absolute(at).slice(11)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  element.dateTime = at.toISOString(); element.title = absolute(at);
}

/** @param {HTMLElement} root  another zone was chosen */
export function retime(root) {
  for (const time of root.querySelectorAll("time")) { const at = stamp(time.dateTime); if (at) clock(time, at); }
}

/** @param {number | null} number  from 0; null = not counted yet @param {any} record @param {{depth?: number, address?: string, first?: boolean}} how */
export function row(number, record, how = {}) {
  const line = document.createElement("div"), link = document.createElement("a"), time = document.createElement("time"), level = document.createElement("b"), source = document.createElement("em"), text = document.createElement("span");
  line.className = `ln l-${LEVELS[String(record.level ?? "").toLowerCase()] ?? "info"}`;
  if (how.depth) line.dataset.depth = String(Math.min(how.depth, 6));
  if (how.first) line.classList.add("is-first");
  if (number !== null) {
    line.id = link.textContent = String(number + 1);
    link.href = `${how.address ?? ""}#${number + 1}`; link.title = gettext("Link to this line");
  }
  const at = stamp(record.timestamp);
  if (at) clock(time, at);
  level.textContent = record.level ? (String(record.level).toLowerCase() === "warning" ? "warn" : String(record.level).slice(0, 5)) : "";
  source.textContent = source.title = record.logger ?? "";
  fill(text, textOf(record));
  line.append(link, time, level, source, text);
  return line;
}

/** @param {HTMLElement} into @param {string} whole */
function fill(into, whole) {
  const cut = whole.length > LONGEST, text = cut ? whole.slice(0, LONGEST) : whole;
  if (TRACE.test(text)) into.parentElement?.classList.add("is-trace");
  for (const piece of pieces(text)) put(into, piece.text, piece.kinds);
  if (!cut) return;
  const more = document.createElement("button");
  more.className = "link"; more.type = "button"; more.textContent = ` … ${gettext("show all {count} characters", { count: whole.length.toLocaleString() })}`;
  more.addEventListener("click", () => { more.remove(); for (const piece of pieces(whole.slice(LONGEST))) put(into, piece.text, piece.kinds); });
  into.append(more);
}

/** @param {HTMLElement} into @param {string} text @param {string} kinds */
function put(into, text, kinds) {
  let at = 0;
  for (const found of text.includes("://") ? text.matchAll(URL_IN_TEXT) : []) {
    plain(into, text.slice(at, found.index), kinds);
    const link = document.createElement("a");
    link.href = link.textContent = found[0]; link.target = "_blank"; link.rel = "noopener noreferrer"; link.className = kinds;
    into.append(link);
    at = found.index + found[0].length;
  }
  plain(into, text.slice(at), kinds);
}

/** @param {HTMLElement} into @param {string} text @param {string} kinds */
function plain(into, text, kinds) {
  if (!text) return;
  if (!kinds) { into.append(text); return; }
  const part = document.createElement("i");
  part.className = kinds; part.textContent = text; into.append(part);
}

/** @param {number} number @param {any} record @param {{title: string, open: boolean, depth: number, count: number | null}} group */
export function head(number, record, group) {
  const line = document.createElement("div"), button = document.createElement("button"), lines = document.createElement("small");
  line.className = "ln fold"; line.id = String(number + 1);
  if (group.depth > 1) line.dataset.depth = String(Math.min(group.depth - 1, 6));
  button.type = "button"; button.dataset.fold = String(number); button.setAttribute("aria-expanded", String(group.open));
  button.append(document.createElement("i"), group.title || "group");
  if (group.count !== null) { lines.textContent = ngettext("{count} line", "{count} lines", group.count, { count: group.count.toLocaleString() }); button.append(lines); }
  line.append(document.createElement("span"), button);
  return line;
}
