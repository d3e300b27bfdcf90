/** What an instrument or class is, in a few words. */

/**
 * Registry, project and vintages of an instrument's classes.
 * @param {any} instrument
 * @param {Map<string, any>} classes
 * @returns {string}
 */
export function describeInstrument(instrument, classes) {
  const known = instrument.classes.map((/** @type {string} */ id) => classes.get(id)).filter(Boolean);
  if (!known.length) return instrument.name;
  const vintages = span(known.map((/** @type {any} */ one) => one.vintage));
  if (instrument.classes.length === 1) {
    const [only] = known;
    return [only.name, `${only.registry} ${only.project}`, vintages, only.country].filter(Boolean).join(" · ");
  }
  const registries = [...new Set(known.map((/** @type {any} */ one) => one.registry))].join(", ");
  return `${instrument.name} · basket of ${instrument.classes.length} classes · ${registries} · ${vintages}`;
}

/**
 * Everything that a filter may look for.
 * @param {any} instrument
 * @param {Map<string, any>} classes
 */
export function searchText(instrument, classes) {
  const parts = [instrument.symbol, instrument.name];
  for (const id of instrument.classes) {
    const one = classes.get(id);
    parts.push(id, one?.registry ?? "", one?.project ?? "", one?.name ?? "", one?.country ?? "");
  }
  return parts.join(" ").toLowerCase();
}

/**
 * The name of an instrument's unit.
 * @param {string} unit
 */
export const unitName = (unit) => (unit === "kg" ? "kg CO₂e" : "t CO₂e");

/** @param {number[]} years */
function span(years) {
  const first = Math.min(...years);
  const last = Math.max(...years);
  return first === last ? String(first) : `${first}–${last}`;
}
