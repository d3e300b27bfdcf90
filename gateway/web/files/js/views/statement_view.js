/** The account's statement for a period of business dates: on the page, and as files. */

import { byId, cell, element, formById, inputById, setText, show } from "../dom.js";
import { grouped } from "../decimal.js";
import { loadStatement, statementCsv, statementJson } from "../statement.js";
import { explained } from "./notices.js";
import { shortTime } from "./times.js";

export class StatementView {
  /**
   * @param {import("../connection.js").Connection} connection
   * @param {() => {account: string, businessDate: string} | null} circumstances null while nobody is logged on
   */
  constructor(connection, circumstances) {
    this._connection = connection;
    this._circumstances = circumstances;
    /**
     * What is shown.
     * @type {any}
     */
    this._statement = null;
    formById("statement-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this._load();
    });
    byId("statement-csv").addEventListener("click", () => this._save("csv", "text/csv", statementCsv(this._statement)));
    byId("statement-json").addEventListener("click", () => this._save("json", "application/json", statementJson(this._statement)));
  }

  /** Offers the present business date, and forgets what belongs to another account. */
  draw() {
    const now = this._circumstances();
    for (const name of ["statement-from", "statement-to"]) {
      if (!inputById(name).value && now) inputById(name).value = now.businessDate;
    }
    if (this._statement && this._statement.account !== now?.account) this._show(null);
  }

  async _load() {
    const now = this._circumstances();
    if (!now) return;
    const button = /** @type {HTMLButtonElement} */ (byId("statement-show"));
    const [from, to] = ["statement-from", "statement-to"].map((name) => inputById(name).value);
    button.disabled = true;
    this._say("Loading the statement");
    try {
      this._show(await loadStatement(this._connection, now.account, from, to));
      this._say("");
    } catch (error) {
      this._show(null);
      this._say(explained(error), "refused");
    } finally {
      button.disabled = false;
    }
  }

  /** @param {any} statement */
  _show(statement) {
    this._statement = statement;
    show(byId("statement"), Boolean(statement));
    show(byId("statement-files"), Boolean(statement));
    if (!statement) return;
    const state = statement.complete ? "complete" : "so far";
    setText(
      byId("statement-what"),
      `${statement.account}, ${statement.from_date} to ${statement.date}: events ${grouped(statement.after_seq + 1)} to ${grouped(statement.as_of_seq)}, ${state}.`,
    );
    fill("statement-cash", statement.cash.map((/** @type {any} */ line) => balanceRow(line.currency, line)));
    fill("statement-units", statement.units.map((/** @type {any} */ line) => balanceRow(line.class_id, line)));
    fill("statement-movements", statement.movements.map(movementRow));
    fill("statement-serials", statement.closing_serials.map(serialRow));
  }

  /**
   * @param {string} ending
   * @param {string} type
   * @param {string} text
   */
  _save(ending, type, text) {
    const { account, from_date: from, date } = this._statement;
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = element("a", { href: address, download: `statement-${account}-${from}-${date}.${ending}` });
    link.click();
    URL.revokeObjectURL(address);
  }

  /**
   * @param {string} sentence
   * @param {"" | "refused"} kind
   */
  _say(sentence, kind = "") {
    byId("statement-answer").className = `answer ${kind}`;
    setText(byId("statement-answer"), sentence);
  }
}

/**
 * @param {string} name
 * @param {HTMLElement[]} rows
 */
function fill(name, rows) {
  byId(name).replaceChildren(...rows);
  show(byId(`${name}-empty`), !rows.length);
}

/**
 * @param {string} asset
 * @param {any} line
 */
function balanceRow(asset, line) {
  const figures = [line.opening, line.credits, line.debits, line.closing, line.locked];
  return element("tr", {}, cell(asset), ...figures.map((figure) => cell(grouped(figure), "number")));
}

/** @param {any} movement */
function movementRow(movement) {
  const changes = [
    ...movement.cash.map((/** @type {any} */ one) => `${signed(one.change)} ${one.currency}`),
    ...movement.units.map((/** @type {any} */ one) => `${signed(one.change)} ${one.class_id}`),
  ];
  const serials = movement.serials.map((/** @type {any} */ one) => `${one.change} ${grouped(one.quantity)}: ${one.serial}`);
  return element(
    "tr",
    {},
    cell(shortTime(movement.time)),
    cell(movement.kind.replaceAll("_", " ")),
    cell(detailsText(movement), "words"),
    linesCell(changes, "number"),
    linesCell(serials, "serial"),
    cell(grouped(movement.seq), "number note"),
  );
}

/**
 * One line for each text.
 * @param {string[]} texts
 * @param {string} className
 */
const linesCell = (texts, className) =>
  element("td", { class: className }, ...texts.map((text) => element("div", {}, text)));

/** @param {any} movement */
function detailsText(movement) {
  const parts = [];
  if (movement.side) parts.push(`${movement.side === "buy" ? "bought" : "sold"} ${grouped(movement.quantity)} ${movement.instrument} at ${grouped(movement.price)}`);
  if (movement.fee) parts.push(`fee ${grouped(movement.fee)}`);
  if (movement.trade) parts.push(`trade ${movement.trade}`);
  if (movement.settlement_date) parts.push(`settles ${movement.settlement_date}`);
  if (movement.counterparty) parts.push(`with ${movement.counterparty}`);
  if (movement.beneficiary) parts.push(`for ${movement.beneficiary}`);
  for (const name of ["purpose", "reference", "reason"]) if (movement[name]) parts.push(`${name} ${movement[name]}`);
  return parts.join(", ");
}

/** @param {any} block */
function serialRow(block) {
  return element(
    "tr",
    {},
    cell(block.class_id),
    cell(block.serial, "serial"),
    cell(grouped(block.quantity), "number"),
    cell(block.locked_for ? `trade ${block.locked_for}` : ""),
  );
}

/**
 * With its sign, also where it is a plus.
 * @param {string | number} change
 */
const signed = (change) => (String(change).startsWith("-") ? grouped(change) : `+${grouped(change)}`);
