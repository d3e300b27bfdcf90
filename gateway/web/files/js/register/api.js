/** Pages of the public register over HTTP. */

const PREFIX = "/api/v1/register/";
const PAGE_ROWS = 100;
const FILE_ROWS = 500;

/** The register refused, or could not be reached; the message says why. */
export class RegisterProblem extends Error {}

/**
 * @typedef {object} Query a list of the register
 * @property {string} list such as `retirements`
 * @property {Record<string, string>} parameters
 */

/**
 * Where the first page of a list is.
 * @param {Query} query
 */
export const pageAddress = ({ list, parameters }) => address(list, parameters, PAGE_ROWS);

/**
 * Where a list is as a file for spreadsheets; a longer one goes on at the address in its header `Link`.
 * @param {Query} query
 */
export const fileAddress = ({ list, parameters }) => address(`${list}.csv`, parameters, FILE_ROWS);

/**
 * A page of a list. Throws RegisterProblem.
 * @param {string} from its address; that of the next page is the answer's `next`
 * @returns {Promise<any>}
 */
export async function page(from) {
  let response;
  try {
    response = await fetch(from, { headers: { Accept: "application/json" } });
  } catch {
    throw new RegisterProblem("The exchange does not answer. Load the page again in a while.");
  }
  const answer = await response.json();
  if (!response.ok) throw new RegisterProblem(`${answer.error.code} ${answer.error.name}: ${answer.error.message}`);
  return answer;
}

/**
 * Where the disclosure of a project is.
 * @param {{registry: string, project: string}} names
 */
export const disclosureAddress = ({ registry, project }) =>
  `${PREFIX}projects/${encodeURIComponent(registry)}/${encodeURIComponent(project)}`;

/**
 * @param {string} name
 * @param {Record<string, string>} parameters
 * @param {number} rows
 */
function address(name, parameters, rows) {
  return `${PREFIX}${name}?${new URLSearchParams({ ...parameters, limit: String(rows) })}`;
}
