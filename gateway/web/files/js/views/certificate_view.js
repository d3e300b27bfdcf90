/** The dialog of a certificate of retirement: says when it is ready, and leads to its files. */

import { byId, dialogById, setText, show } from "../dom.js";
import { creditsText } from "./cells.js";

const HEADS = "/api/v1/heads";
const FORMATS = ["html", "pdf", "json"];
const LOOK_AGAIN_MS = 2000;

export class CertificateView {
  constructor() {
    this._dialog = dialogById("certificate-dialog");
    this._retirement = 0;
    this._timer = 0;
    byId("certificate-close").addEventListener("click", () => this._dialog.close());
    this._dialog.addEventListener("close", () => clearTimeout(this._timer));
  }

  /**
   * Opens the dialog.
   * @param {any} retirement
   */
  open({ retirement_id: retirementId, credits, beneficiary }) {
    this._retirement = retirementId;
    const address = `/api/v1/retirements/${retirementId}/certificate`;
    setText(byId("certificate-what"), `Retired: ${creditsText(credits)}, for ${beneficiary}. Retirement ${retirementId}.`);
    for (const format of FORMATS) byId(`certificate-${format}`).setAttribute("href", `${address}.${format}`);
    byId("certificate-head").setAttribute("href", `${HEADS}.jsonl?from_seq=${retirementId}&limit=1`);
    show(byId("certificate-files"), false);
    setText(byId("certificate-answer"), "Looking for the certificate");
    this._dialog.showModal();
    this._look();
  }

  /** Looks until the certificate can be had: a head of the log proves it, and that comes some seconds later. */
  async _look() {
    const wanted = this._retirement;
    const found = await isProved(wanted);
    // Another certificate may have been opened meanwhile.
    if (wanted !== this._retirement || !this._dialog.open) return;
    show(byId("certificate-files"), found === true);
    if (found === true) setText(byId("certificate-answer"), "");
    else if (found === false) setText(byId("certificate-answer"), "It is ready in some seconds: the exchange publishes first what proves it.");
    else setText(byId("certificate-answer"), "The exchange does not answer. Trying again.");
    if (found !== true) this._timer = window.setTimeout(() => this._look(), LOOK_AGAIN_MS);
  }
}

/**
 * Whether a head was published that covers a retirement; null where nobody says.
 * @param {number} retirementId
 * @returns {Promise<boolean | null>}
 */
async function isProved(retirementId) {
  try {
    const response = await fetch(`${HEADS}?from_seq=${retirementId}&limit=1`, { cache: "no-store" });
    return response.ok ? (await response.json()).heads.length > 0 : null;
  } catch {
    return null;
  }
}
