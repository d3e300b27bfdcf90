/** Logging on with a key file or with the key that this browser keeps, and logging off. */

import { byId, dialogById, formById, inputById, setText, show } from "../dom.js";
import { KeyProblem, forgetKey, hasCryptography, keepKey, keptKey, readKeyFile } from "../keys.js";
import { explained, notifyError } from "./notices.js";

export class LogOnView {
  /**
   * @param {(key: import("../keys.js").LogonKey, cancelOnDisconnect: boolean) => Promise<void>} logOn
   * @param {() => Promise<void>} logOff
   */
  constructor(logOn, logOff) {
    this._logOn = logOn;
    this._dialog = dialogById("log-on-dialog");
    this._file = inputById("key-file");
    this._keyId = inputById("key-id");
    byId("log-on").addEventListener("click", () => this._open());
    byId("log-off").addEventListener("click", () => logOff().catch(notifyError));
    byId("log-on-cancel").addEventListener("click", () => this._dialog.close());
    byId("forget-key").addEventListener("click", () => this._forget());
    byId("use-kept-key").addEventListener("click", () => this._try(() => this._kept()));
    this._file.addEventListener("change", () => this._fileChosen());
    formById("log-on-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this._try(() => this._fromFile());
    });
  }

  /**
   * Shows who is logged on.
   * @param {string} keyId empty when nobody is
   * @param {string} role
   */
  draw(keyId, role) {
    show(byId("log-on"), !keyId);
    show(byId("log-off"), Boolean(keyId));
    show(byId("key-name"), Boolean(keyId));
    setText(byId("key-name"), role ? `${keyId} (${role.replace("_", " ")})` : keyId);
  }

  async _open() {
    this._say("");
    this._dialog.showModal();
    if (!hasCryptography()) {
      this._say("Logging on needs https (or this page on the exchange's own machine): the browser gives no cryptography to others.");
      return;
    }
    const kept = await keptKey();
    show(byId("kept-key"), Boolean(kept));
    setText(byId("kept-key-id"), kept?.keyId ?? "");
  }

  _fileChosen() {
    const name = this._file.files?.[0]?.name ?? "";
    if (!this._keyId.value) this._keyId.value = name.replace(/\.[^.]*$/, "");
    this._say("");
  }

  /** @returns {Promise<import("../keys.js").LogonKey>} */
  async _fromFile() {
    const file = this._file.files?.[0];
    const keyId = this._keyId.value.trim();
    if (!file) throw new KeyProblem("Choose the key file first.");
    if (!keyId) throw new KeyProblem("Name the key: its id was given when it was registered.");
    return { keyId, privateKey: await readKeyFile(file) };
  }

  async _kept() {
    const key = await keptKey();
    if (!key) throw new KeyProblem("This browser keeps no key any more.");
    return key;
  }

  /** @param {() => Promise<import("../keys.js").LogonKey>} find */
  async _try(find) {
    const submit = /** @type {HTMLButtonElement} */ (byId("log-on-submit"));
    this._say("");
    submit.disabled = true;
    try {
      const key = await find();
      await this._logOn(key, inputById("cancel-on-disconnect").checked);
      if (inputById("keep-key").checked) await keepKey(key);
      formById("log-on-form").reset();
      this._dialog.close();
    } catch (error) {
      this._say(explained(error));
    } finally {
      submit.disabled = false;
    }
  }

  async _forget() {
    await forgetKey();
    show(byId("kept-key"), false);
  }

  /** @param {string} sentence */
  _say(sentence) {
    setText(byId("log-on-answer"), sentence);
  }
}
