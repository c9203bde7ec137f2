// @ts-check
/** What a browser remembers; a browser that forbids storage simply forgets. */

/** @param {string} name @param {string} fallback */
export function recall(name, fallback) {
  try { return localStorage.getItem(name) ?? fallback; } catch { return fallback; }
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  try { localStorage.setItem(name, value); } catch { /* forgotten */ }
}
