/** The dialog that retires credits: entry first, then a confirmation, because it is for ever. */

import { byId, dialogById, element, formById, inputById, selectById, setText, show } from "../dom.js";
import { grouped } from "../decimal.js";
import { explained, notify } from "./notices.js";
import { wholeNumber } from "./ticket_view.js";

export class RetireView {
  /**
   * @param {import("../order_requests.js").OrderRequests} requests
   * @param {(classId: string) => any} classOf looks a credit class up
   */
  constructor(requests, classOf) {
    this._requests = requests;
    this._classOf = classOf;
    this._dialog = dialogById("retire-dialog");
    /** @type {import("../account_feed.js").AccountFeed | null} */
    this._account = null;
    /**
     * What the second page asks to confirm; null on the first.
     * @type {any}
     */
    this._wanted = null;
    selectById("retire-class").addEventListener("change", () => this._drawAvailable());
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
    selectById("retire-class").replaceChildren(
      ...[...account.units.keys()].sort().map((id) => element("option", { value: id }, this._title(id))),
    );
    selectById("retire-class").value = classId;
    this._say("");
    this._drawAvailable();
    this._draw();
    this._dialog.showModal();
    inputById("retire-quantity").focus();
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
    setText(next, confirming ? `Retire ${grouped(this._wanted.credits[0].quantity)} for ever` : "Continue");
    next.classList.toggle("danger", confirming);
    next.disabled = confirming && !inputById("retire-understood").checked;
  }

  _confirm() {
    const quantity = wholeNumber(inputById("retire-quantity").value);
    const beneficiary = inputById("retire-beneficiary").value.trim();
    if (quantity === null) {
      this._say("The quantity is not a whole number.");
      inputById("retire-quantity").focus();
      return;
    }
    if (!beneficiary) {
      this._say("A retirement names its beneficiary.");
      inputById("retire-beneficiary").focus();
      return;
    }
    const classId = selectById("retire-class").value;
    const purpose = inputById("retire-purpose").value.trim();
    this._wanted = { account: this._account?.account ?? "", credits: [{ class_id: classId, quantity }], beneficiary, purpose };
    const unit = this._classOf(classId)?.unit === "kg" ? "kilograms" : "tonnes";
    const why = purpose ? ` (${purpose})` : "";
    setText(
      byId("retire-summary"),
      `${grouped(quantity)} ${unit} of CO₂e, class ${this._title(classId)}, will be retired for ${beneficiary}${why}. ` +
        "The credits leave circulation for ever.",
    );
    this._say("");
    this._draw();
    inputById("retire-understood").focus();
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
      notify(`Retired ${grouped(done.quantity)} of ${done.credits.map((/** @type {any} */ one) => one.class_id).join(", ")} for ${done.beneficiary}: retirement ${done.retirement_id}.`, "done");
      this._dialog.close();
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
