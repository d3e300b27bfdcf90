/** The dialog that retires credits: entry first, then a confirmation, because it is for ever. */

import { byId, dialogById, element, formById, inputById, selectById, setText, show } from "../dom.js";
import { grouped } from "../decimal.js";
import { chosenClaim, claimText, drawClaim } from "./claim_choice.js";
import { explained } from "./notices.js";
import { wholeNumber } from "./ticket_view.js";

export class RetireView {
  /**
   * @param {import("../order_requests.js").OrderRequests} requests
   * @param {(classId: string) => any} classOf looks a credit class up
   * @param {(retirement: any) => void} onRetired
   */
  constructor(requests, classOf, onRetired) {
    this._requests = requests;
    this._classOf = classOf;
    this._onRetired = onRetired;
    this._dialog = dialogById("retire-dialog");
    /** @type {import("../account_feed.js").AccountFeed | null} */
    this._account = null;
    /**
     * What the second page asks to confirm; null on the first.
     * @type {any}
     */
    this._wanted = null;
    selectById("retire-class").addEventListener("change", () => this._drawAvailable());
    selectById("retire-claim").addEventListener("change", drawClaim);
    byId("retire-another").addEventListener("click", () => this._addClass());
    inputById("retire-understood").addEventListener("change", () => this._draw());
    byId("retire-back").addEventListener("click", () => this._back());
    formById("retire-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this._wanted) this._retire();
      else this._confirm();
    });
  }

  /**
   * Opens the dialog.
   * @param {import("../account_feed.js").AccountFeed} account
   * @param {string} classId
   */
  open(account, classId) {
    this._account = account;
    this._wanted = null;
    formById("retire-form").reset();
    byId("retire-others").replaceChildren();
    selectById("retire-class").replaceChildren(...this._classOptions());
    selectById("retire-class").value = classId;
    this._say("");
    this._drawAvailable();
    drawClaim();
    this._draw();
    this._dialog.showModal();
    inputById("retire-quantity").focus();
  }

  _classOptions() {
    const held = [...(this._account?.units.keys() ?? [])].sort();
    return held.map((id) => element("option", { value: id }, this._title(id)));
  }

  /** Adds a line for one more class, with a way to take it out again. */
  _addClass() {
    const choice = element("select", { class: "retire-other-class", "aria-label": "Credit class" });
    choice.append(...this._classOptions());
    const quantity = element("input", {
      class: "number retire-other-quantity",
      inputmode: "numeric",
      autocomplete: "off",
      "aria-label": "Quantity",
    });
    const remove = element("button", { type: "button", class: "quiet" }, "Remove this class");
    const line = element("div", { class: "field retire-other" });
    line.append(choice, quantity, remove);
    remove.addEventListener("click", () => line.remove());
    byId("retire-others").append(line);
    choice.focus();
  }

  /**
   * What the first page names, or null after pointing at a field that is wrong.
   * @returns {{class_id: string, quantity: number}[] | null}
   */
  _credits() {
    const lines = [{ choice: selectById("retire-class"), field: inputById("retire-quantity") }];
    for (const line of byId("retire-others").children) {
      lines.push({
        choice: /** @type {HTMLSelectElement} */ (line.querySelector("select")),
        field: /** @type {HTMLInputElement} */ (line.querySelector("input")),
      });
    }
    const credits = [];
    for (const { choice, field } of lines) {
      const quantity = wholeNumber(field.value);
      if (quantity === null) {
        this._say("The quantity is not a whole number.");
        field.focus();
        return null;
      }
      if (credits.some((one) => one.class_id === choice.value)) {
        this._say("Each class is named once.");
        choice.focus();
        return null;
      }
      credits.push({ class_id: choice.value, quantity });
    }
    return credits;
  }

  /** @param {string} classId */
  _title(classId) {
    const name = this._classOf(classId)?.name;
    return name ? `${classId} (${name})` : classId;
  }

  _drawAvailable() {
    const available = this._account?.availableUnits(selectById("retire-class").value) ?? 0;
    setText(byId("retire-available"), `${grouped(available)} available`);
  }

  _draw() {
    const confirming = Boolean(this._wanted);
    const next = /** @type {HTMLButtonElement} */ (byId("retire-next"));
    show(byId("retire-entry"), !confirming);
    show(byId("retire-confirm"), confirming);
    setText(byId("retire-back"), confirming ? "Back" : "Close");
    setText(next, confirming ? `Retire ${grouped(this._total())} for ever` : "Continue");
    next.classList.toggle("danger", confirming);
    next.disabled = confirming && !inputById("retire-understood").checked;
  }

  /** Units of all classes together. */
  _total() {
    return this._wanted.credits.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.quantity, 0);
  }

  _confirm() {
    const credits = this._credits();
    if (!credits) return;
    const beneficiary = inputById("retire-beneficiary").value.trim();
    if (!beneficiary) {
      this._say("A retirement names its beneficiary.");
      inputById("retire-beneficiary").focus();
      return;
    }
    const claim = chosenClaim();
    if (typeof claim === "string") {
      this._say(claim);
      inputById("retire-claim-year").focus();
      return;
    }
    const purpose = inputById("retire-purpose").value.trim();
    const claimed = claim ? { claim } : {};
    this._wanted = { account: this._account?.account ?? "", credits, beneficiary, purpose, ...claimed };
    const why = (purpose ? ` (${purpose})` : "") + (claim ? `, claimed as ${claimText(claim)}` : "");
    setText(
      byId("retire-summary"),
      `${credits.map((one) => this._amount(one)).join(", and ")}, will be retired for ${beneficiary}${why}. ` +
        "The credits leave circulation for ever.",
    );
    this._say("");
    this._draw();
    inputById("retire-understood").focus();
  }

  /** @param {{class_id: string, quantity: number}} credit */
  _amount({ class_id: classId, quantity }) {
    const unit = this._classOf(classId)?.unit === "kg" ? "kilograms" : "tonnes";
    return `${grouped(quantity)} ${unit} of CO₂e, class ${this._title(classId)}`;
  }

  _back() {
    if (!this._wanted) {
      this._dialog.close();
      return;
    }
    this._wanted = null;
    inputById("retire-understood").checked = false;
    this._say("");
    this._draw();
  }

  async _retire() {
    const next = /** @type {HTMLButtonElement} */ (byId("retire-next"));
    next.disabled = true;
    try {
      const done = await this._requests.retire(this._wanted);
      this._dialog.close();
      this._onRetired(done);
    } catch (error) {
      this._say(explained(error));
      this._draw();
    }
  }

  /** @param {string} sentence */
  _say(sentence) {
    setText(byId("retire-answer"), sentence);
  }
}
