/** The logged-on side of the page: the session, the account in view, and what happens to both when the connection comes back. */

import { AccountFeed } from "./account_feed.js";
import { isTransient } from "./connection.js";
import { OrderRequests } from "./order_requests.js";
import { Session } from "./session.js";

/** The venue's own account takes a fee with every trade: it has no channel of balances to be followed by. */
const VENUE_ACCOUNT = "VENUE";

/**
 * @typedef {object} DeskEvents
 * @property {() => void} changed who is logged on, or anything of the account
 * @property {(channel: string, data: any) => void} pushed a push of a private channel was taken
 * @property {(sentence: string) => void} told something the trader must know
 */

export class Desk {
  /**
   * @param {import("./connection.js").Connection} connection
   * @param {DeskEvents} on
   */
  constructor(connection, on) {
    this._connection = connection;
    this._on = on;
    this.session = new Session(connection);
    this.requests = new OrderRequests(connection);
    /** @type {AccountFeed | null} */
    this.account = null;
  }

  /** Key id of who is logged on, or was until the connection was lost; empty for nobody. */
  get keyId() {
    return this.session.key?.keyId ?? "";
  }

  /**
   * Accounts of who is logged on.
   * @returns {string[]}
   */
  get accounts() {
    const all = this.session.loggedOn?.accounts ?? (this.account ? [this.account.account] : []);
    return all.filter((/** @type {string} */ name) => name !== VENUE_ACCOUNT);
  }

  /**
   * Logs on and shows the first account. Throws Refusal or Unanswered.
   * @param {import("./keys.js").LogonKey} key
   * @param {boolean} cancelOnDisconnect
   */
  async logOn(key, cancelOnDisconnect) {
    await this.session.logOn(key, cancelOnDisconnect);
    this._on.changed();
    const [first] = this.accounts;
    if (first) await this.chooseAccount(first);
  }

  /** Logs off. Throws Refusal or Unanswered. */
  async logOff() {
    const { account } = this;
    this.account = null;
    if (account && this.session.loggedOn) await account.stop();
    await this.session.logOff();
    this._on.changed();
  }

  /**
   * Shows another account. Throws Refusal or Unanswered.
   * @param {string} name
   */
  async chooseAccount(name) {
    if (this.account?.account === name) return;
    if (this.account) await this.account.stop();
    const account = new AccountFeed(this._connection, name, (channel, data) => {
      if (channel) this._on.pushed(channel, data);
      this._on.changed();
    });
    this.account = account;
    this._on.changed();
    await account.start();
  }

  /**
   * The connection is open again: logs on with the same key and goes on where the account was.
   * @param {string} nonce
   */
  async connected(nonce) {
    this.session.connected(nonce);
    if (!this.session.key) return;
    try {
      await this.session.resume();
    } catch (error) {
      if (isTransient(error)) throw error;
      // The key was revoked, or the like: there is no use in trying again.
      this.session.key = null;
      this.account = null;
      this._on.changed();
      throw error;
    }
    if (this.account) await this.account.resume();
    this._on.changed();
    for (const sentence of await this.requests.settleUnknown()) this._on.told(sentence);
  }

  /** The connection is lost. */
  lost() {
    this.session.lost();
    this._on.changed();
  }

  /**
   * Takes a push of a private channel.
   * @param {any} params
   */
  take(params) {
    this.account?.take(params);
  }
}
