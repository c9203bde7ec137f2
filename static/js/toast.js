// @ts-check
/** @param {string} text @param {boolean} [bad] */
export function toast(text, bad = false) {
  const box = document.getElementById("toasts");
  const one = document.createElement("div");
  one.className = bad ? "toast bad" : "toast";
  one.textContent = text;
  box.append(one);
  raise(box);
  setTimeout(() => one.remove(), bad ? 9000 : 4500);
}

/** Above everything, an open dialog included. @param {HTMLElement} box */
function raise(box) {
  if (!box.showPopover) return;
  if (box.matches(":popover-open")) box.hidePopover();
  box.showPopover();
}

/** Say it on the page that comes next. @param {string} text */
export function toastAfter(text) { try { sessionStorage.setItem("toast", text); } catch { /* unsaid */ } }

export function start() {
  const box = document.getElementById("toasts");
  if (box.children.length) { raise(box); setTimeout(() => box.replaceChildren(), 5000); }
  try {
    const text = sessionStorage.getItem("toast");
    if (text) { sessionStorage.removeItem("toast"); toast(text); }
  } catch { /* nothing kept */ }
}
