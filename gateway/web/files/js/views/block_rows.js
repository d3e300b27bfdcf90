/** The tables of block trades: halves that wait, and what traded. */

import { byId, cell, element, setText, show } from "../dom.js";
import { grouped } from "../decimal.js";
import { actionsCell, creditsText, rowButton, settlesText, sideCell } from "./cells.js";
import { Rows } from "./rows.js";
import { shortTime } from "./times.js";

/**
 * @typedef {object} BlockActions what the buttons in the tables do
 * @property {(half: any) => void} withdrawBlock
 * @property {(half: any) => void} agreeBlock
 */

export class BlockTables {
  /** @param {BlockActions} actions */
  constructor(actions) {
    this._mayTrade = false;
    /** @type {Map<number, string>} */
    this._outcomes = new Map();
    this._halves = halfRows(actions, () => this._mayTrade);
    this._trades = tradeRows(() => this._outcomes);
  }

  /**
   * Draws both tables and how many halves wait.
   * @param {import("../account_feed.js").AccountFeed} account
   * @param {boolean} mayTrade
   */
  draw({ blocks, outcomes }, mayTrade) {
    this._mayTrade = mayTrade;
    this._outcomes = outcomes;
    const waiting = [
      ...[...blocks.alleged.values()].map((half) => ({ half, own: false })),
      ...[...blocks.own.values()].map((half) => ({ half, own: true })),
    ];
    this._halves.show(waiting);
    this._trades.show(blocks.trades);
    show(byId("halves-empty"), !waiting.length);
    show(byId("block-trades-empty"), !blocks.trades.length);
    show(byId("new-block"), mayTrade);
    setText(byId("blocks-count"), waiting.length ? String(waiting.length) : "");
  }
}

/**
 * @param {BlockActions} actions
 * @param {() => boolean} mayTrade
 */
function halfRows(actions, mayTrade) {
  return new Rows(byId("halves"), {
    key: (/** @type {{half: any, own: boolean}} */ { half }) => half.half_id,
    create: ({ half, own }) =>
      element(
        "tr",
        {},
        cell(own ? half.counterparty : half.account),
        cell(half.trade_reference, "long-text"),
        cell(own ? "them" : "you"),
        cell(half.instrument),
        sideCell(own ? half.side : otherSide(half.side)),
        cell(grouped(half.price), "number"),
        cell(grouped(half.quantity), "number"),
        cell(deliveryText(half), "long-text"),
        actionsCell(
          own
            ? rowButton("Withdraw", `Withdraw block trade ${half.trade_reference}`, () => actions.withdrawBlock(half))
            : rowButton("Agree", `Agree to block trade ${half.trade_reference}`, () => actions.agreeBlock(half)),
        ),
      ),
    update: (row) => show(/** @type {HTMLElement} */ (row.children[8].firstElementChild), mayTrade()),
  });
}

/** @param {() => Map<number, string>} outcomes */
function tradeRows(outcomes) {
  return new Rows(byId("block-trades"), {
    key: (/** @type {any} */ trade) => trade.trade_id,
    create: (trade) =>
      element(
        "tr",
        {},
        cell(shortTime(trade.time)),
        cell(trade.counterparty),
        cell(trade.trade_reference, "long-text"),
        cell(trade.instrument),
        sideCell(trade.side),
        cell(grouped(trade.price), "number"),
        cell(grouped(trade.quantity), "number"),
        cell(`${grouped(trade.amount)} ${trade.currency}`, "number"),
        cell(grouped(trade.fee), "number"),
        cell(creditsText(trade.delivered), "long-text"),
        cell(""),
      ),
    update: (row, trade) => setText(row.children[10], settlesText(trade, outcomes())),
  });
}

/**
 * The side of the counterparty.
 * @param {string} side
 */
export const otherSide = (side) => (side === "buy" ? "sell" : "buy");

/**
 * What a half names for delivery.
 * @param {any} half
 */
export function deliveryText(half) {
  if (half.serials.length) return half.serials.map((/** @type {any} */ one) => one.serial).join(", ");
  if (half.deliver.length) return creditsText(half.deliver);
  return "the seller's oldest vintages";
}
