// @ts-check
/**
 * One socket for the page. It says only *that* something changed; who watches fetches what it shows.
 * After a gap (lost connection, hidden tab) everybody is called once: nobody knows what was missed.
 */
import { gettext } from "./texts.js";

/** @type {Map<string, Set<() => void>>} */
const watchers = new Map();
/** @type {WebSocket | null} */
let socket = null;
let attempt = 0, timer = 0;
/** Subjects the server is known to tell us about on this very connection. */
/** @type {Set<string>} */
let heard = new Set();

/** @param {string} subject @param {() => void} callback @returns {() => void} stop */
export function watch(subject, callback) {
  if (!watchers.has(subject)) watchers.set(subject, new Set());
  watchers.get(subject).add(callback);
  // Others are told of it already: what changed between the page being made and now was said to them, not to this one.
  if (heard.has(subject)) callback();
  rewatch();
  return () => { watchers.get(subject)?.delete(callback); };
}

let asked = 0;
/** Tell the server (again) what this page shows: a task instance's log moves on with its attempts. */
export function rewatch() {
  clearTimeout(asked);
  asked = setTimeout(() => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ watch: [...watchers.keys()] }));
    else if (!socket) open();
  }, 10);
}

export function isOn() { return socket?.readyState === WebSocket.OPEN; }

function callAll() { for (const set of watchers.values()) for (const callback of set) callback(); }

/** @param {"true" | "false"} on */
function tell(on) {
  const element = document.getElementById("live");
  if (!element) return;
  element.hidden = false;
  element.dataset.on = on;
  element.firstElementChild.textContent = on === "true" ? gettext("live") : gettext("reconnecting");
}

function open() {
  if (document.hidden || !watchers.size) return;
  clearTimeout(timer);
  const fresh = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/live`);
  socket = fresh;
  fresh.onopen = () => { fresh.send(JSON.stringify({ watch: [...watchers.keys()] })); };
  fresh.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.watching) {
      tell("true");
      attempt = 0;
      // What changed between the page being made (or the line being cut) and now, nobody told us.
      for (const subject of message.watching) if (!heard.has(subject)) for (const callback of watchers.get(subject) ?? []) callback();
      heard = new Set(message.watching);
    }
    if (message.changed) for (const callback of watchers.get(message.changed) ?? []) callback();
  };
  fresh.onclose = ({ code }) => {
    if (socket !== fresh) return;
    socket = null;
    heard = new Set();
    tell("false");
    if (code === 4401) {  // the next fetch finds out whether one still may; who may see nothing has nothing to reconnect to
      callAll();
      const lamp = document.getElementById("live");
      if (lamp) lamp.hidden = true;
    }
    attempt += 1;
    timer = setTimeout(open, Math.min(15000, 250 * 2 ** Math.min(attempt, 6)) * (0.7 + Math.random() * 0.6));
  };
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    setTimeout(() => { if (document.hidden && socket) { const old = socket; socket = null; heard = new Set(); old.close(); } }, 10000);
  } else if (!socket) { clearTimeout(timer); attempt = 0; open(); }
});
addEventListener("pagehide", () => { const old = socket; socket = null; old?.close(); });
// Without a socket (a proxy that forbids them, a server that restarts) pages still catch up, only slower.
setInterval(() => { if (!document.hidden && !isOn()) callAll(); }, 8000);
// A hint may also be lost between the servers, which nobody notices.
setInterval(() => { if (!document.hidden && isOn()) callAll(); }, 30000);
