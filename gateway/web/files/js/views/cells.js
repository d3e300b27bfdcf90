/** Cells and buttons that several tables have. */

import { cell, element } from "../dom.js";
import { grouped } from "../decimal.js";

/** @param {string} side */
export const sideCell = (side) => cell(side === "buy" ? "Buy" : "Sell", side === "buy" ? "bid" : "ask");

/**
 * A small button in a row.
 * @param {string} label
 * @param {string} explanation for those who do not see the row
 * @param {() => void} act
 */
export function rowButton(label, explanation, act) {
  const button = element("button", { type: "button", class: "quiet", "aria-label": explanation }, label);
  button.addEventListener("click", act);
  return button;
}

/**
 * The cell of a row's buttons.
 * @param {...HTMLElement} buttons
 */
export const actionsCell = (...buttons) => element("td", {}, element("span", { class: "row-actions" }, ...buttons));

/**
 * Classes with their units.
 * @param {{class_id: string, quantity: number}[]} credits
 */
export const creditsText = (credits) =>
  credits.map((one) => `${grouped(one.quantity)} ${one.class_id}`).join(", ");

/**
 * When a trade settles: cash and units of a deferred one are held until then, and then it may have been cancelled.
 * @param {{trade_id: number, settlement_date: string, deferred: boolean}} trade
 * @param {Map<number, string>} outcomes what became of deferred trades
 */
export function settlesText({ trade_id: id, settlement_date: date, deferred }, outcomes) {
  if (!deferred || outcomes.get(id) === "settled") return date;
  return outcomes.has(id) ? `${date}, cancelled` : `${date}, held`;
}
