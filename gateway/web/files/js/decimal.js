/**
 * Exact arithmetic on decimal texts such as "12.50", as the exchange sends prices and cash. Never floating point.
 */

/**
 * @typedef {object} Decimal
 * @property {bigint} units the number without its point
 * @property {number} decimals digits after the point
 */

const PLAIN = /^(-?)(\d+)(?:\.(\d+))?$/;

/**
 * Reads a decimal text; null when it is none.
 * @param {string} text
 * @returns {Decimal | null}
 */
export function parseDecimal(text) {
  const found = PLAIN.exec(text.trim());
  if (!found) return null;
  const fraction = found[3] ?? "";
  const units = BigInt(found[2] + fraction);
  return { units: found[1] ? -units : units, decimals: fraction.length };
}

/**
 * Reads a decimal text that the exchange sent.
 * @param {string} text
 * @returns {Decimal}
 */
export function decimal(text) {
  const parsed = parseDecimal(text);
  if (!parsed) throw new Error(`${text} is not a decimal number`);
  return parsed;
}

/**
 * The number as whole units of `10^-decimals`; digits beyond are cut.
 * @param {Decimal} value
 * @param {number} decimals
 * @returns {bigint}
 */
export function scaled(value, decimals) {
  const shift = decimals - value.decimals;
  return shift >= 0 ? value.units * 10n ** BigInt(shift) : value.units / 10n ** BigInt(-shift);
}

/**
 * Decimal text of whole units of `10^-decimals`.
 * @param {bigint} units
 * @param {number} decimals
 * @returns {string}
 */
export function decimalText(units, decimals) {
  const sign = units < 0n ? "-" : "";
  const digits = String(units < 0n ? -units : units).padStart(decimals + 1, "0");
  return decimals ? `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : sign + digits;
}

/**
 * The sum of two decimal texts, with the decimals of the more exact one.
 * @param {string} first
 * @param {string} second
 * @returns {string}
 */
export function addDecimals(first, second) {
  const a = decimal(first);
  const b = decimal(second);
  const decimals = Math.max(a.decimals, b.decimals);
  return decimalText(scaled(a, decimals) + scaled(b, decimals), decimals);
}

/**
 * Negative, zero or positive, as the first is below, equal to or above the second.
 * @param {string} first
 * @param {string} second
 * @returns {number}
 */
export function compareDecimals(first, second) {
  const a = decimal(first);
  const b = decimal(second);
  const decimals = Math.max(a.decimals, b.decimals);
  const difference = scaled(a, decimals) - scaled(b, decimals);
  return difference < 0n ? -1 : Number(difference > 0n);
}

/**
 * How much the second is above the first, such as "+1.25 %"; empty where the first is zero.
 * @param {string} from
 * @param {string} to
 * @returns {string}
 */
export function percentChange(from, to) {
  const a = decimal(from);
  const b = decimal(to);
  const decimals = Math.max(a.decimals, b.decimals);
  const base = scaled(a, decimals);
  if (base === 0n) return "";
  const hundredths = roundedQuotient((scaled(b, decimals) - base) * 10000n, base);
  const sign = hundredths > 0n ? "+" : "";
  return `${sign}${decimalText(hundredths, 2).replace("-", "−")} %`;
}

/**
 * A decimal text or a whole number for people: digits in groups of three.
 * @param {string | number | bigint} value
 * @returns {string}
 */
export function grouped(value) {
  const [whole, fraction] = String(value).split(".");
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ",").replace("-", "−");
  return fraction === undefined ? groups : `${groups}.${fraction}`;
}

/**
 * @param {bigint} dividend
 * @param {bigint} divisor
 */
function roundedQuotient(dividend, divisor) {
  const half = divisor / 2n;
  return (dividend + (dividend < 0n ? -half : half)) / divisor;
}
