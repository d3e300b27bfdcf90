/** What the lists of the register show in which column. */

import { cell, element } from "../dom.js";
import { grouped } from "../decimal.js";

/**
 * @typedef {object} Column
 * @property {string} title
 * @property {string} [className] of its cells
 * @property {(row: any) => HTMLElement} cell
 */

/** @type {Column[]} */
const PROJECT_COLUMNS = [
  { title: "Project", cell: (row) => projectCell(row) },
  { title: "Name", cell: (row) => cell(row.name, "words") },
  { title: "Country", cell: (row) => cell(row.country) },
  { title: "Vintages", cell: (row) => cell(vintagesText(row.vintages)) },
  ...["issued", "in_circulation", "retired"].map((name) => figure(name)),
  { title: "Other ends", className: "number", cell: (row) => amountCell(row.issued - row.in_circulation - row.retired) },
  { title: "Unit", cell: (row) => cell(unitText(row.unit)) },
  { title: "Tonnes are", cell: (row) => cell(creditingText(row.crediting)) },
];

/** @type {Column[]} */
const ISSUANCE_COLUMNS = [
  time(),
  { title: "Project", cell: (row) => projectCell(row) },
  { title: "Name", cell: (row) => cell(row.name, "words") },
  { title: "Vintage", className: "number", cell: (row) => cell(String(row.vintage), "number") },
  serial(),
  quantity(),
  event(),
];

/** @type {Column[]} */
const RETIREMENT_COLUMNS = [
  time(),
  { title: "Beneficiary", cell: (row) => cell(row.beneficiary, "words") },
  { title: "Purpose", cell: (row) => cell(row.purpose, "words") },
  { title: "Claim", cell: (row) => cell(row.claim, "words") },
  { title: "Project", cell: (row) => projectCell(row) },
  serial(),
  quantity(),
  { title: "Certificate", cell: (row) => certificateCell(row.seq) },
];

/** @type {Column[]} */
const CANCELLATION_COLUMNS = [
  time(),
  { title: "What", cell: (row) => stepCell(row.place) },
  { title: "Project", cell: (row) => projectCell(row) },
  serial(),
  quantity(),
  { title: "Reason", cell: (row) => cell(row.reason, "words") },
  { title: "Issued as", cell: (row) => cell(row.issued_as.join(", "), "serial") },
  event(),
];

/** @type {Column[]} */
const LIFE_COLUMNS = [
  time(),
  { title: "What", cell: (row) => stepCell(row.step) },
  serial(),
  quantity(),
  { title: "Price", className: "number", cell: (row) => cell(row.price ? `${grouped(row.price)} ${row.currency}` : "", "number") },
  { title: "Details", cell: (row) => detailsCell(row) },
  event(),
];

/** @type {Record<string, Column[]>} */
export const COLUMNS = {
  projects: PROJECT_COLUMNS,
  issuances: ISSUANCE_COLUMNS,
  retirements: RETIREMENT_COLUMNS,
  cancellations: CANCELLATION_COLUMNS,
  provenance: LIFE_COLUMNS,
};

/**
 * The page of a project.
 * @param {{registry: string, project: string}} row
 * @param {string} list
 */
export const projectAddress = (row, list = "provenance") =>
  `#/project/${encodeURIComponent(row.registry)}/${encodeURIComponent(row.project)}/${list}`;

/**
 * The page of a block of serial numbers.
 * @param {string} registry needed for forms of its own; may be empty
 * @param {string} text
 */
export const serialAddress = (registry, text) => `#/serial/${encodeURIComponent(registry)}/${encodeURIComponent(text)}`;

/**
 * A field's name as a title.
 * @param {string} name
 */
export function titleOf(name) {
  return name[0].toUpperCase() + name.slice(1).replace("_", " ");
}

/** @param {string} crediting */
const creditingText = (crediting) => (crediting === "ex_ante" ? "expected" : "verified");

/** @param {string} unit */
export const unitText = (unit) => (unit === "kg" ? "kg CO₂e" : "t CO₂e");

/** @returns {Column} */
function time() {
  return { title: "Time (UTC)", cell: (row) => cell(new Date(row.time / 1e6).toISOString().slice(0, 19).replace("T", " ")) };
}

/** @returns {Column} */
function serial() {
  return { title: "Serial numbers", cell: (row) => element("td", { class: "serial" }, serialLink(row)) };
}

/** @returns {Column} */
function quantity() {
  return { title: "Quantity", className: "number", cell: (row) => amountCell(row.quantity) };
}

/** @returns {Column} */
function event() {
  return { title: "Event", className: "number", cell: (row) => cell(grouped(row.seq), "number note") };
}

/**
 * @param {string} name
 * @returns {Column}
 */
function figure(name) {
  return { title: titleOf(name), className: "number", cell: (row) => amountCell(row[name]) };
}

/** @param {number} amount */
const amountCell = (amount) => cell(grouped(amount), "number");

/** @param {any} row */
const projectCell = (row) =>
  element("td", {}, element("a", { href: projectAddress(row) }, `${row.registry} ${row.project}`));

/** @param {any} row */
const serialLink = ({ registry, serial: text }) => element("a", { href: serialAddress(registry, text) }, text);

/** @param {number} seq */
function certificateCell(seq) {
  const address = `/api/v1/retirements/${seq}/certificate`;
  const links = element(
    "span",
    {},
    element("a", { href: `${address}.html`, "aria-label": `Certificate of retirement ${seq}` }, String(seq)),
    " ",
    element("a", { href: `${address}.pdf`, "aria-label": `Certificate of retirement ${seq} as PDF`, download: "" }, "PDF"),
  );
  return element("td", {}, links);
}

/** @param {string} step */
const stepCell = (step) => element("td", {}, element("span", { class: `step ${step}` }, step));

/** @param {any} row */
function detailsCell(row) {
  const parts = [];
  if (row.instrument) parts.push(`in ${row.instrument}`);
  if (row.trade) parts.push(`trade ${row.trade}`);
  if (row.beneficiary) parts.push(`for ${row.beneficiary}`);
  if (row.split_from.length) parts.push(`part of ${row.split_from.join(", ")}`);
  if (row.issued_as.length) parts.push(`issued as ${row.issued_as.join(", ")}`);
  if (row.issued_for.length) parts.push(`issued for ${row.issued_for.join(", ")}`);
  if (!parts.length) return cell("");
  const details = element("span", {}, parts.join("; "));
  if (row.step === "retired") details.append(" ", element("a", { href: `/api/v1/retirements/${row.seq}/certificate.html` }, "certificate"));
  return element("td", { class: "words" }, details);
}

/**
 * Years, neighbours as a range.
 * @param {number[]} years
 */
function vintagesText(years) {
  const sorted = [...years].sort((a, b) => a - b);
  const [first, last] = [sorted[0], sorted[sorted.length - 1]];
  if (sorted.length > 2 && last - first === sorted.length - 1) return `${first}–${last}`;
  return sorted.join(", ");
}
