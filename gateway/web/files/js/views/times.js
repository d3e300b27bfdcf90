/** Times of the exchange (nanoseconds UTC) for people. */

const DAY_MS = 86400000;

/** @param {number} time_ns */
const date = (time_ns) => new Date(time_ns / 1e6);

/**
 * Time of day, `13:05:09`.
 * @param {number} time_ns
 */
export const timeOfDay = (time_ns) => date(time_ns).toISOString().slice(11, 19);

/**
 * The time of day if it was within the last 24 hours, else date and time to the minute.
 * @param {number} time_ns
 */
export function shortTime(time_ns) {
  const at = date(time_ns);
  if (Date.now() - at.getTime() < DAY_MS) return at.toISOString().slice(11, 19);
  return at.toISOString().slice(0, 16).replace("T", " ");
}
