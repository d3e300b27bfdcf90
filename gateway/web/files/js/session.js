/** Who is logged on, over however many connections: the key logs on again after each reconnect. */

import { Refusal } from "./connection.js";
import { sign } from "./keys.js";

/** @typedef {import("./keys.js").LogonKey} LogonKey */

const LOGON_DOMAIN = "carbon-exchange logon v1";
const TRADING_ROLES = ["trader", "market_maker"];

export class Session {
  /** @param {import("./connection.js").Connection} connection */
  constructor(connection) {
    this._connection = connection;
    this._nonce = "";
    /** @type {LogonKey | null} */
    this.key = null;
    this._cancelOnDisconnect = false;
    /**
     * What the server answered to the logon; null while there is none on this connection.
     * @type {any}
     */
    this.loggedOn = null;
  }

  /** Whether the key may place orders. */
  get mayTrade() {
    return Boolean(this.loggedOn && TRADING_ROLES.includes(this.loggedOn.role));
  }

  /**
   * A new connection is open.
   * @param {string} nonce
   */
  connected(nonce) {
    this._nonce = nonce;
    this.loggedOn = null;
  }

  /** The connection is lost; the key stays for the next one. */
  lost() {
    this.loggedOn = null;
  }

  /**
   * Logs on with a key. Throws Refusal or Unanswered.
   * @param {LogonKey} key
   * @param {boolean} cancelOnDisconnect
   */
  async logOn(key, cancelOnDisconnect) {
    const signature = await sign(key.privateKey, `${LOGON_DOMAIN}\n${key.keyId}\n${this._nonce}`);
    try {
      this.loggedOn = await this._connection.request("session.logon", {
        key_id: key.keyId,
        signature,
        cancel_on_disconnect: cancelOnDisconnect,
      });
    } catch (error) {
      if (error instanceof Refusal && error.data.nonce) this._nonce = error.data.nonce;
      throw error;
    }
    this.key = key;
    this._cancelOnDisconnect = cancelOnDisconnect;
  }

  /** Logs the same key on again, after a reconnect. Throws Refusal or Unanswered. */
  async resume() {
    if (this.key) await this.logOn(this.key, this._cancelOnDisconnect);
  }

  /** Logs off and forgets the key. Throws Refusal or Unanswered. */
  async logOff() {
    this.key = null;
    if (!this.loggedOn) return;
    this.loggedOn = null;
    const answer = await this._connection.request("session.logout");
    this._nonce = answer.nonce;
  }
}
