/** Messages at the edge of the page. Good news leaves by itself, refusals stay until they are closed. */

import { byId, element } from "../dom.js";
import { Refusal } from "../connection.js";

const SHOWN_MS = 7000;
const MOST_SHOWN = 5;

/**
 * Shows a message.
 * @param {string} text
 * @param {"done" | "refused" | "plain"} kind
 */
export function notify(text, kind = "plain") {
  const list = byId("notices");
  const close = element("button", { type: "button", "aria-label": "Close message" }, "✕");
  const notice = element("div", { class: `notice ${kind}` }, element("p", {}, text), close);
  close.addEventListener("click", () => notice.remove());
  list.append(notice);
  while (list.children.length > MOST_SHOWN) list.firstElementChild?.remove();
  if (kind !== "refused") window.setTimeout(() => notice.remove(), SHOWN_MS);
}

/**
 * A refusal with its number, or what else went wrong, as one sentence.
 * @param {unknown} error
 * @returns {string}
 */
export function explained(error) {
  if (error instanceof Refusal) return `${error.code} ${error.codeName}: ${error.sentence}`;
  return error instanceof Error ? error.message : String(error);
}

/**
 * Shows what went wrong.
 * @param {unknown} error
 */
export function notifyError(error) {
  notify(explained(error), "refused");
}
