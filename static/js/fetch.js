// @ts-check
/** Requests of our own pages. A session that ended leads to the sign-in page, which leads back here. */
import { gettext } from "./texts.js";

export class Refused extends Error {
  /** @param {string} message @param {number} status @param {string} [html] */
  constructor(message, status, html) { super(message); this.status = status; this.html = html; }
}

/** @param {string} url @param {RequestInit} [options] @returns {Promise<Response>} */
export async function ask(url, options = {}) {
  const response = await fetch(url, { ...options, headers: { "X-Requested-With": "fetch", ...options.headers } });
  if (response.status === 401) { location.reload(); await new Promise(() => {}); }
  if (!response.ok) {
    const kind = response.headers.get("Content-Type") ?? "";
    const text = await response.text();
    if (kind.includes("json")) throw new Refused(JSON.parse(text).error ?? gettext("That did not work."), response.status);
    throw new Refused(gettext("That did not work."), response.status, kind.includes("html") ? text : undefined);
  }
  return response;
}
