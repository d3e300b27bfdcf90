/** The account's tables: open orders, fills, block trades, balances, retirements. */

import { byId, cell, element, setText, show } from "../dom.js";
import { grouped } from "../decimal.js";
import { BlockTables } from "./block_rows.js";
import { actionsCell, creditsText, rowButton, settlesText, sideCell } from "./cells.js";
import { Rows } from "./rows.js";
import { shortTime } from "./times.js";

const TABS = ["orders", "fills", "blocks", "balances", "retirements", "statement"];

const TIMES = { day: "day", gtc: "GTC", gtd: "GTD", ioc: "IOC", fok: "FOK" };

/**
 * @typedef {object} AccountActions what the buttons in the tables do
 * @property {(order: any) => void} amend
 * @property {(order: any) => void} cancel
 * @property {() => void} cancelAll
 * @property {(classId: string) => void} retire
 * @property {(classId: string) => void} serials
 * @property {(symbol: string) => void} select
 * @property {(retirement: any) => void} certificate
 * @property {(half: any) => void} withdrawBlock
 * @property {(half: any) => void} agreeBlock
 */

export class AccountView {
  /**
   * @param {(classId: string) => any} classOf looks a credit class up
   * @param {AccountActions} actions
   */
  constructor(classOf, actions) {
    this._mayTrade = false;
    /** @type {Map<number, string>} */
    this._outcomes = new Map();
    this._orders = orderRows(actions);
    this._fills = fillRows(() => this._outcomes);
    this._blocks = new BlockTables(actions);
    this._cash = cashRows();
    this._units = unitRows(classOf, actions, () => this._mayTrade);
    this._retirements = retirementRows(actions);
    byId("cancel-all").addEventListener("click", () => actions.cancelAll());
    for (const name of TABS) byId(`tab-${name}`).addEventListener("click", () => choose(name));
    byId("account-tabs").addEventListener("keydown", (event) => moveTab(event));
  }

  /**
   * Draws the account, or that there is none.
   * @param {import("../account_feed.js").AccountFeed | null} account
   * @param {boolean} mayTrade
   */
  draw(account, mayTrade) {
    this._mayTrade = mayTrade;
    const loaded = Boolean(account?.loaded);
    show(byId("account-pages"), loaded);
    show(byId("account-empty"), !loaded);
    setText(
      byId("account-empty"),
      account ? "Loading the account" : "Log on to see orders, fills and balances.",
    );
    show(byId("cancel-all"), loaded && mayTrade && Boolean(account?.orders.size));
    setText(byId("orders-count"), loaded && account?.orders.size ? String(account.orders.size) : "");
    if (!account || !loaded) return;
    this._outcomes = account.outcomes;
    this._drawList(this._orders, "orders", [...account.orders.values()].reverse());
    this._drawList(this._fills, "fills", account.fills);
    this._blocks.draw(account, mayTrade);
    this._drawList(this._retirements, "retirements", account.retirements);
    this._drawList(this._cash, "cash", [...account.cash.keys()].sort().map((currency) => account.cashBalance(currency)));
    this._drawList(this._units, "units", [...account.units.entries()].sort());
  }

  /**
   * @template Item
   * @param {Rows<Item>} rows
   * @param {string} name
   * @param {Item[]} items
   */
  _drawList(rows, name, items) {
    rows.show(items);
    show(byId(`${name}-empty`), !items.length);
  }
}

/** @param {string} name */
function choose(name) {
  for (const other of TABS) {
    const tab = byId(`tab-${other}`);
    tab.setAttribute("aria-selected", String(other === name));
    tab.tabIndex = other === name ? 0 : -1;
    show(byId(`page-${other}`), other === name);
  }
}

/**
 * Arrow keys move between tabs.
 * @param {KeyboardEvent} event
 */
function moveTab(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const present = TABS.findIndex((name) => byId(`tab-${name}`) === event.target);
  if (!step || present < 0) return;
  const next = TABS[(present + step + TABS.length) % TABS.length];
  choose(next);
  byId(`tab-${next}`).focus();
}

/** @param {AccountActions} actions */
function orderRows(actions) {
  return new Rows(byId("orders"), {
    key: (/** @type {any} */ order) => order.order_id,
    create: (order) => {
      const symbol = rowButton(order.instrument, `Show ${order.instrument}`, () => actions.select(order.instrument));
      symbol.className = "link";
      return element(
        "tr",
        {},
        element("td", {}, symbol),
        sideCell(order.side),
        cell(termsText(order)),
        cell("", "number"),
        cell("", "number"),
        cell("", "number"),
        cell(String(order.order_id), "number note"),
        actionsCell(
          rowButton("Amend", `Amend order ${order.order_id}`, () => actions.amend(order)),
          rowButton("Cancel", `Cancel order ${order.order_id}`, () => actions.cancel(order)),
        ),
      );
    },
    update: (row, order) => {
      setText(row.children[3], grouped(order.price));
      setText(row.children[4], grouped(order.quantity));
      setText(row.children[5], grouped(order.filled));
    },
  });
}

/** @param {any} order */
function termsText(order) {
  const time = TIMES[/** @type {keyof TIMES} */ (order.time_in_force)] ?? order.time_in_force;
  const parts = [`${order.order_type === "market" ? "Market" : "Limit"}, ${time}`];
  if (order.expire_date) parts.push(order.expire_date);
  if (order.post_only) parts.push("post-only");
  if (order.display_quantity) parts.push(`shows ${grouped(order.display_quantity)}`);
  return parts.join(", ");
}

/** @param {() => Map<number, string>} outcomes */
function fillRows(outcomes) {
  return new Rows(byId("fills"), {
    key: (/** @type {any} */ fill) => fill.trade_id + fill.side,
    create: (fill) =>
      element(
        "tr",
        {},
        cell(shortTime(fill.time)),
        cell(fill.instrument),
        sideCell(fill.side),
        cell(grouped(fill.price), "number"),
        cell(grouped(fill.quantity), "number"),
        cell(`${grouped(fill.amount)} ${fill.currency}`, "number"),
        cell(grouped(fill.fee), "number"),
        cell(creditsText(fill.delivered), "long-text"),
        cell(""),
      ),
    update: (row, fill) => setText(row.children[8], settlesText(fill, outcomes())),
  });
}

function cashRows() {
  return new Rows(byId("cash"), {
    key: (/** @type {any} */ balance) => balance.currency,
    create: (balance) =>
      element("tr", {}, cell(balance.currency), cell("", "number"), cell("", "number"), cell("", "number")),
    update: (row, balance) => {
      setText(row.children[1], grouped(balance.total));
      setText(row.children[2], grouped(balance.held));
      setText(row.children[3], grouped(balance.available));
    },
  });
}

/**
 * @param {(classId: string) => any} classOf
 * @param {AccountActions} actions
 * @param {() => boolean} mayTrade
 */
function unitRows(classOf, actions, mayTrade) {
  return new Rows(byId("units"), {
    key: (/** @type {[string, any]} */ [classId]) => classId,
    create: ([classId]) => {
      const name = rowButton(classId, `Show serial numbers of ${classId}`, () => actions.serials(classId));
      name.className = "link";
      return element(
        "tr",
        {},
        element("td", {}, name),
        cell("", "long-text"),
        cell("", "number"),
        cell("", "number"),
        cell("", "number"),
        cell("", "number"),
        actionsCell(rowButton("Retire", `Retire credits of ${classId}`, () => actions.retire(classId))),
      );
    },
    update: (row, [classId, balance]) => {
      setText(row.children[1], classOf(classId)?.name ?? "");
      setText(row.children[2], grouped(balance.total));
      setText(row.children[3], grouped(balance.held));
      setText(row.children[4], grouped(balance.locked) + (balance.frozen ? `, ${grouped(balance.frozen)} frozen` : ""));
      setText(row.children[5], grouped(balance.total - balance.held));
      show(/** @type {HTMLElement} */ (row.children[6].firstElementChild), mayTrade());
    },
  });
}

/** @param {AccountActions} actions */
function retirementRows(actions) {
  return new Rows(byId("retirements"), {
    key: (/** @type {any} */ retirement) => retirement.retirement_id,
    create: (retirement) =>
      element(
        "tr",
        {},
        cell(shortTime(retirement.time)),
        cell(retirement.credits.map((/** @type {any} */ one) => one.class_id).join(", ")),
        cell(grouped(retirement.quantity), "number"),
        cell(retirement.beneficiary, "long-text"),
        cell(retirement.purpose, "long-text"),
        cell(String(retirement.retirement_id), "number note"),
        actionsCell(
          rowButton("Certificate", `Certificate of retirement ${retirement.retirement_id}`, () =>
            actions.certificate(retirement),
          ),
        ),
      ),
    update: () => {},
  });
}
