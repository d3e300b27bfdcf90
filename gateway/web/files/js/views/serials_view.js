/** The dialog that lists the serial numbers which an account holds of a class, page by page. */

import { byId, cell, dialogById, element, setText, show } from "../dom.js";
import { grouped } from "../decimal.js";
import { explained } from "./notices.js";

export class SerialsView {
  /** @param {import("../connection.js").Connection} connection */
  constructor(connection) {
    this._connection = connection;
    this._dialog = dialogById("serials-dialog");
    this._account = "";
    this._classId = "";
    this._after = "";
    byId("serials-close").addEventListener("click", () => this._dialog.close());
    byId("serials-more").addEventListener("click", () => this._load());
  }

  /**
   * Opens the dialog.
   * @param {string} account
   * @param {string} classId
   */
  open(account, classId) {
    this._account = account;
    this._classId = classId;
    this._after = "";
    byId("serials").replaceChildren();
    setText(byId("serials-what"), `${classId}, account ${account}, as the registry writes them.`);
    this._dialog.showModal();
    this._load();
  }

  async _load() {
    const [account, classId] = [this._account, this._classId];
    const more = byId("serials-more");
    show(more, false);
    setText(byId("serials-answer"), "");
    try {
      const params = { account, class_id: classId, after: this._after };
      const page = await this._connection.request("account.serials", params);
      // Another class may have been opened meanwhile.
      if (account !== this._account || classId !== this._classId) return;
      byId("serials").append(
        ...page.blocks.map((/** @type {any} */ block) =>
          element(
            "tr",
            {},
            cell(block.serial, "long-text"),
            cell(grouped(block.quantity), "number"),
            cell(block.frozen ? "frozen" : block.locked_for ? `trade ${block.locked_for}` : ""),
          ),
        ),
      );
      this._after = page.next_after ?? "";
      show(more, Boolean(page.next_after));
    } catch (error) {
      setText(byId("serials-answer"), explained(error));
    }
  }
}
