/** What an instrument or class is, in a few words. */

/**
 * Registry, project and vintages of an instrument's classes.
 * @param {any} instrument
 * @param {Map<string, any>} classes
 * @returns {string}
 */
export function describeInstrument(instrument, classes) {
  const known = instrument.classes.map((/** @type {string} */ id) => classes.get(id)).filter(Boolean);
  if (!known.length) return instrument.rule ? `${instrument.name} · basket by rule, no class meets it today` : instrument.name;
  const vintages = span(known.map((/** @type {any} */ one) => one.vintage));
  if (instrument.classes.length === 1 && !instrument.rule) {
    const [only] = known;
    return [only.name, `${only.registry} ${only.project}`, vintages, only.country].filter(Boolean).join(" · ");
  }
  const registries = [...new Set(known.map((/** @type {any} */ one) => one.registry))].join(", ");
  const many = `${instrument.classes.length} ${instrument.classes.length === 1 ? "class" : "classes"}`;
  const basket = instrument.rule ? `basket by rule, ${many} today` : `basket of ${many}`;
  return `${instrument.name} · ${basket} · ${registries} · ${vintages}`;
}

/**
 * What a class must be to deliver into a basket.
 * @param {any} rule
 * @returns {[string, string][]}
 */
export function ruleTerms(rule) {
  const from = rule.vintage_from ? `${rule.vintage_from} or later` : "";
  const to = rule.vintage_to ? `${rule.vintage_to} or earlier` : "";
  /** @type {[string, string[] | undefined][]} */
  const criteria = [
    ["Registry", rule.registries],
    ["Project type", rule.project_types],
    ["Methodology", rule.methodologies],
    ["Country", rule.countries],
    ["Mitigation", rule.mitigation ? [rule.mitigation] : []],
    ["Crediting", [rule.crediting === "ex_ante" ? "expected (ex-ante)" : "verified (ex-post)"]],
  ];
  /** @type {[string, string][]} */
  const found = [
    ...criteria.map(([name, values]) => /** @type {[string, string]} */ ([name, (values ?? []).join(" or ")])),
    ["Vintage", [from, to].filter(Boolean).join(", ")],
    ["Labels", (rule.labels ?? []).join(" and ")],
  ];
  return found.filter(([, value]) => value).map(([name, value]) => [`${name} of a class`, value]);
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
