/** Statements of an account: loaded in parts, put together, and written as CSV. */

import { addDecimals } from "./decimal.js";

const PAGE_MOVEMENTS = 1000;
const MOST_PAGES = 50;

/**
 * Loads the statement of a period. Throws Refusal or Unanswered.
 * @param {import("./connection.js").Connection} connection
 * @param {string} account
 * @param {string} fromDate first business date
 * @param {string} date last business date
 * @returns {Promise<any>}
 */
export async function loadStatement(connection, account, fromDate, date) {
  const params = { account, from_date: fromDate, date, limit: PAGE_MOVEMENTS };
  let whole = await connection.request("account.statement", params);
  for (let pages = 1; whole.next_after_seq !== null && pages < MOST_PAGES; pages += 1) {
    const following = await connection.request("account.statement", { ...params, after_seq: whole.next_after_seq });
    whole = joined(whole, following);
  }
  return whole;
}

/**
 * Two statements, of which the second begins where the first ends, as one.
 * @param {any} first
 * @param {any} second
 */
export function joined(first, second) {
  return {
    ...second,
    after_seq: first.after_seq,
    cash: joinedLines(first.cash, second.cash, "currency", addDecimals),
    units: joinedLines(first.units, second.units, "class_id", (a, b) => a + b),
    opening_serials: first.opening_serials,
    movements: [...first.movements, ...second.movements],
  };
}

/**
 * @param {any[]} first
 * @param {any[]} second
 * @param {string} name what tells the lines apart
 * @param {(a: any, b: any) => any} add
 */
function joinedLines(first, second, name, add) {
  const lines = new Map(first.map((line) => [line[name], line]));
  for (const line of second) {
    const earlier = lines.get(line[name]);
    lines.set(
      line[name],
      earlier
        ? { ...line, opening: earlier.opening, credits: add(earlier.credits, line.credits), debits: add(earlier.debits, line.debits) }
        : line,
    );
  }
  return [...lines.values()].sort((a, b) => (a[name] < b[name] ? -1 : 1));
}

const COLUMNS = [
  "seq",
  "time",
  "kind",
  "asset",
  "change",
  "balance",
  "serial",
  "instrument",
  "side",
  "price",
  "quantity",
  "amount",
  "fee",
  "trade",
  "settlement_date",
  "counterparty",
  "reference",
  "beneficiary",
  "purpose",
  "reason",
];

/**
 * A statement as JSON. Times are text: a number of JavaScript has no room for nanoseconds.
 * @param {any} statement
 */
export function statementJson(statement) {
  const movements = statement.movements.map((/** @type {any} */ one) => ({ ...one, time: timeText(one.time) }));
  return `${JSON.stringify({ ...statement, movements }, null, 2)}\n`;
}

/** @param {number} time_ns */
const timeText = (time_ns) => new Date(time_ns / 1e6).toISOString();

/**
 * The movements of a statement as CSV: a line for every change of cash, of units, and of a block of serial numbers.
 * @param {any} statement
 */
export function statementCsv(statement) {
  const lines = [COLUMNS.join(",")];
  for (const movement of statement.movements) {
    const facts = { ...movement, time: timeText(movement.time) };
    const changes = [
      ...movement.cash.map((/** @type {any} */ one) => ({ asset: one.currency, change: one.change, balance: one.balance })),
      ...movement.units.map((/** @type {any} */ one) => ({ asset: one.class_id, change: one.change, balance: one.balance })),
      ...movement.serials.map((/** @type {any} */ one) => ({ asset: one.class_id, change: `${one.change} ${one.quantity}`, serial: one.serial })),
    ];
    for (const change of changes) {
      const line = /** @type {Record<string, unknown>} */ ({ ...facts, ...change });
      lines.push(COLUMNS.map((name) => field(line[name] ?? "")).join(","));
    }
  }
  return `${lines.join("\r\n")}\r\n`;
}

/**
 * A field of CSV (RFC 4180). What spreadsheets would run as a formula gets an apostrophe in front: some texts were chosen by
 * strangers.
 * @param {unknown} value
 */
function field(value) {
  let text = String(value);
  if (/^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
