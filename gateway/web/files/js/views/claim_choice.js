/** What a retirement claims: chosen in the dialog that retires credits. */

import { byId, inputById, selectById, show } from "../dom.js";
import { wholeNumber } from "./ticket_view.js";

/** @typedef {{kind: string, year?: number, period?: string}} Claim */

/** Shows the year where the claim is one of use towards an NDC. */
export function drawClaim() {
  show(byId("retire-claim-year-field"), selectById("retire-claim").value === "ndc");
}

/**
 * The claim that is chosen; null: none; a sentence where something is missing.
 * @returns {Claim | null | string}
 */
export function chosenClaim() {
  const [kind = "", period = ""] = selectById("retire-claim").value.split(" ");
  if (!kind) return null;
  if (kind === "corsia") return { kind, period };
  if (kind !== "ndc") return { kind };
  const year = wholeNumber(inputById("retire-claim-year").value);
  return year === null ? "Name the calendar year for which the credits are used." : { kind, year };
}

/**
 * A claim in words, for the confirmation.
 * @param {Claim} claim
 */
export function claimText(claim) {
  if (claim.kind === "ndc") return `used towards the NDC of your account's Party for ${claim.year}`;
  if (claim.kind === "corsia") return `used under CORSIA for ${claim.period}`;
  if (claim.kind === "compensation") return "compensation of the beneficiary's emissions";
  return "a contribution, which offsets nothing";
}
