/** The latest trades of the selected instrument, newest first. */

import { byId, cell, element, setText, show } from "../dom.js";
import { grouped } from "../decimal.js";
import { Rows } from "./rows.js";
import { shortTime } from "./times.js";

export class TradesView {
  /** @param {import("../market_feed.js").MarketFeed} feed */
  constructor(feed) {
    this._feed = feed;
    this._rows = new Rows(byId("trades"), {
      key: (trade) => trade.trade_id,
      create: (trade) =>
        element(
          "tr",
          {},
          cell(`${grouped(trade.price)}`, `number ${trade.side === "buy" ? "bid" : "ask"}`),
          cell(grouped(trade.quantity), "number"),
          cell(shortTime(trade.time), "number"),
        ),
      // A trade never changes.
      update: () => {},
    });
  }

  /** Draws the trades as they are now. */
  draw() {
    const { trades, tradesLoaded } = this._feed;
    this._rows.show(trades);
    const empty = byId("trades-empty");
    show(empty, !trades.length);
    setText(empty, tradesLoaded ? "No trades yet." : "Loading trades");
  }
}
