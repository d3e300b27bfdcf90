/** What a project discloses of itself: how its proceeds are shared, and the technologies that it uses. */

import { element } from "../dom.js";

const ROLES = { community: "community", developer: "developer", registry_fee: "registry fee" };
const PPM_OF_PERCENT = 10_000;

/**
 * A paragraph for each thing that there is to say.
 * @param {any} disclosure answer of the register
 * @returns {HTMLElement[]}
 */
export function disclosed({ proceeds, technologies }) {
  const said = technologies.map(technologyText);
  if (proceeds.length) said.unshift(`Primary sales are shared: ${proceeds.map(shareText).join(", ")}.`);
  return said.map((text) => element("p", { class: "note" }, text));
}

/** @param {{role: keyof typeof ROLES, ppm: number}} share */
const shareText = ({ role, ppm }) => `${ROLES[role] ?? role} ${ppm / PPM_OF_PERCENT} %`;

/** @param {any} technology */
function technologyText({ name, patents, pool_name, permitted_purpose }) {
  const numbers = patents.length ? ` (${patents.join(", ")})` : "";
  return `Uses ${name}${numbers} of the royalty-free pool ${pool_name}, for: ${permitted_purpose}`;
}
