/** The public register: lists in pages, projects with their figures, and the life of serial numbers. The address says what is shown. */

import { byId, element, formById, inputById, setText, show } from "../dom.js";
import { grouped } from "../decimal.js";
import { disclosureAddress, fileAddress, page, pageAddress } from "./api.js";
import { COLUMNS, projectAddress, serialAddress, titleOf, unitText } from "./columns.js";
import { disclosed } from "./disclosure.js";

const TITLES = {
  projects: ["Projects", "that have credits here"],
  issuances: ["Issuances", "serial numbers as they came in"],
  retirements: ["Retirements", "serial numbers that were used, for ever"],
  cancellations: ["Other ends", "serial numbers that were cancelled, moved to other numbers, or went back to their registry"],
  provenance: ["Life", "every movement of the serial numbers, oldest first"],
};
const PROJECT_LISTS = { provenance: "Life", issuances: "Issuances", retirements: "Retirements", cancellations: "Other ends" };
const FIGURES = ["issued", "in_circulation", "retired"];
/** Shown where there are any. */
const OTHER_ENDS = ["cancelled", "moved", "converted", "expired", "withdrawn"];

/**
 * @typedef {object} Place what the address names
 * @property {string} list
 * @property {Record<string, string>} parameters
 * @property {{registry: string, project: string} | null} project
 */

/** Counts what was asked for: answers to earlier questions are passed over. */
let asked = 0;
/** Address of the next page; empty: there is none. */
let next = "";

window.addEventListener("hashchange", () => open());
byId("more").addEventListener("click", () => load(place(), next, asked));
formById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = inputById("serial").value.trim();
  if (text) location.hash = serialAddress(inputById("serial-registry").value.trim(), text);
});
open();

/**
 * What the address names.
 * @returns {Place}
 */
function place() {
  const [kind = "", ...names] = location.hash.replace(/^#\/?/, "").split("/").map(decoded);
  if (kind === "serial" && names.length === 2) {
    const [registry, serial] = names;
    return { list: "provenance", parameters: registry ? { registry, serial } : { serial }, project: null };
  }
  if (kind === "project" && names.length >= 2) {
    const [registry, project, list = "provenance"] = names;
    return { list: list in PROJECT_LISTS ? list : "provenance", parameters: { registry, project }, project: { registry, project } };
  }
  return { list: kind in COLUMNS && kind !== "provenance" ? kind : "projects", parameters: {}, project: null };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Shows what the address names, from its beginning. */
function open() {
  const wanted = place();
  asked += 1;
  const [title, what] = TITLES[/** @type {keyof TITLES} */ (wanted.list)];
  document.title = `${title} – Public register`;
  setText(byId("list-title"), title);
  setText(byId("list-what"), what);
  inputById("serial").value = wanted.parameters.serial ?? "";
  inputById("serial-registry").value = wanted.parameters.serial ? (wanted.parameters.registry ?? "") : "";
  byId("columns").replaceChildren(
    element(
      "tr",
      {},
      ...COLUMNS[wanted.list].map((column) => element("th", { scope: "col", class: column.className ?? "" }, column.title)),
    ),
  );
  byId("rows").replaceChildren();
  byId("as-csv").setAttribute("href", fileAddress(wanted));
  byId("as-json").setAttribute("href", pageAddress(wanted));
  markCurrent(byId("lists"), wanted.project || wanted.parameters.serial ? "" : `#/${wanted.list}`);
  show(byId("summary"), false);
  if (wanted.project) summarise(wanted, asked);
  load(wanted, pageAddress(wanted), asked);
}

/**
 * Loads a page of the list.
 * @param {Place} wanted
 * @param {string} from its address
 * @param {number} question
 */
async function load(wanted, from, question) {
  show(byId("more"), false);
  say("Loading");
  try {
    const answer = await page(from);
    if (question !== asked) return;
    byId("rows").append(...answer.rows.map((/** @type {any} */ row) => tableRow(wanted, row)));
    next = answer.next ?? "";
    setText(byId("as-of"), `as of event ${grouped(answer.as_of_seq)}`);
    show(byId("more"), Boolean(next));
    say(byId("rows").children.length ? "" : "There is nothing yet.");
  } catch (error) {
    if (question === asked) say(error instanceof Error ? error.message : String(error));
  }
}

/**
 * A row; its cells know their titles, which a narrow screen shows beside them.
 * @param {Place} wanted
 * @param {any} row
 */
function tableRow(wanted, row) {
  const made = element("tr");
  for (const column of COLUMNS[wanted.list]) {
    // What happened to a project's serial numbers does not name the registry again.
    const cell = column.cell({ registry: wanted.parameters.registry ?? "", ...row });
    cell.dataset.title = column.title;
    made.append(cell);
  }
  return made;
}

/**
 * Shows a project's name and where its units are.
 * @param {Place} wanted
 * @param {number} question
 */
async function summarise(wanted, question) {
  const answer = await page(pageAddress({ list: "projects", parameters: wanted.parameters })).catch(() => null);
  const rows = answer?.rows ?? [];
  const project = rows.find((/** @type {any} */ row) => row.crediting === "ex_post") ?? rows[0];
  const expected = rows.find((/** @type {any} */ row) => row.crediting === "ex_ante" && row !== project);
  if (question !== asked || !project || !wanted.project) return;
  setText(byId("summary-title"), project.name || `${project.registry} ${project.project}`);
  setText(
    byId("summary-what"),
    [`${project.registry} ${project.project}`, project.country, `in ${unitText(project.unit)}`, project.crediting === "ex_ante" ? "expected, not verified" : ""].filter(Boolean).join(" · "),
  );
  byId("figures").replaceChildren(
    ...[...FIGURES, ...OTHER_ENDS.filter((name) => project[name])].map((name) => figure(titleOf(name), project[name])),
    // What is expected is no part of those.
    ...(expected ? [figure("Expected, not verified", expected.in_circulation)] : []),
  );
  const { project: names, list } = wanted;
  const disclosure = await page(disclosureAddress(names)).catch(() => null);
  if (question !== asked) return;
  byId("disclosure").replaceChildren(...(disclosure ? disclosed(disclosure) : []));
  byId("project-lists").replaceChildren(
    ...Object.entries(PROJECT_LISTS).map(([one, title]) => element("a", { href: projectAddress(names, one) }, title)),
  );
  markCurrent(byId("project-lists"), projectAddress(names, list));
  show(byId("summary"), true);
}

/**
 * An amount with its name.
 * @param {string} title
 * @param {number} amount
 */
const figure = (title, amount) => element("div", {}, element("dt", {}, title), element("dd", {}, grouped(amount)));

/**
 * Marks the link that leads to where we are.
 * @param {HTMLElement} links
 * @param {string} address
 */
function markCurrent(links, address) {
  for (const link of links.querySelectorAll("a")) {
    if (link.getAttribute("href") === address) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** @param {string} sentence */
function say(sentence) {
  setText(byId("list-status"), sentence);
  show(byId("list-status"), Boolean(sentence));
}
