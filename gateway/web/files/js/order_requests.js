/**
 * What a trader asks for: place, amend, cancel, retire, block trades. A request without an answer has an unknown outcome; after the next logon
 * the exchange is asked what became of it.
 */

import { Refusal, Unanswered } from "./connection.js";

/** The engine stopped between the request and its answer. */
const UNAVAILABLE = 3013;
const UNKNOWN_ORDER = 5000;

/** What became of a request is not known yet. */
export class OutcomeUnknown extends Error {}

export class OrderRequests {
  /** @param {import("./connection.js").Connection} connection */
  constructor(connection) {
    this._connection = connection;
    /**
     * Orders whose outcome is unknown: client order id to account.
     * @type {Map<string, string>}
     */
    this._unknown = new Map();
    /**
     * Retirements whose outcome is unknown: the whole request, which may be repeated.
     * @type {any[]}
     */
    this._unknownRetirements = [];
  }

  /**
   * Places an order under a fresh client order id. Throws Refusal or OutcomeUnknown.
   * @param {Record<string, unknown> & {account: string}} order
   */
  async place(order) {
    const clientOrderId = freshId("web");
    try {
      return await this._connection.request("order.place", { ...order, client_order_id: clientOrderId });
    } catch (error) {
      if (isAnswer(error)) throw error;
      this._unknown.set(clientOrderId, order.account);
      throw new OutcomeUnknown(`No answer came: it is not known yet whether order ${clientOrderId} was accepted.`);
    }
  }

  /**
   * Changes a live order. Throws Refusal or OutcomeUnknown.
   * @param {string} account
   * @param {number} orderId
   * @param {{price?: string, quantity?: number}} change
   */
  amend(account, orderId, change) {
    return this._change("order.amend", { account, order_id: orderId, ...change });
  }

  /**
   * Ends a live order. Throws Refusal or OutcomeUnknown.
   * @param {string} account
   * @param {number} orderId
   */
  cancel(account, orderId) {
    return this._change("order.cancel", { account, order_id: orderId });
  }

  /**
   * Ends all live orders of an account. Throws Refusal or OutcomeUnknown.
   * @param {string} account
   */
  cancelAll(account) {
    return this._change("order.cancel_all", { account });
  }

  /**
   * Retires credits for ever. Throws Refusal or OutcomeUnknown.
   * @param {{account: string, credits: {class_id: string, quantity: number}[], beneficiary: string, purpose: string, claim?: {kind: string, year?: number, period?: string}}} retirement
   */
  async retire(retirement) {
    const request = { ...retirement, reference: freshId("web") };
    try {
      return await this._connection.request("credits.retire", request);
    } catch (error) {
      if (isAnswer(error)) throw error;
      this._unknownRetirements.push(request);
      throw new OutcomeUnknown("No answer came: it is not known yet whether the credits were retired.");
    }
  }

  /**
   * Keys a half of a block trade; keying the same again changes nothing. Throws Refusal or OutcomeUnknown.
   * @param {Record<string, unknown>} half
   */
  keyBlock(half) {
    return this._change("block.key", half, "the list of block trades will show what happened, and keying it again is safe");
  }

  /**
   * Takes back a half that waits. Throws Refusal or OutcomeUnknown.
   * @param {{account: string, counterparty: string, trade_reference: string}} half
   */
  withdrawBlock(half) {
    return this._change("block.withdraw", half, "the list of block trades will show what happened");
  }

  /**
   * After a logon: asks for the outcomes that are unknown. Throws Unanswered.
   * @returns {Promise<string[]>} a sentence about each order that was found or is known not to exist
   */
  async settleUnknown() {
    const sentences = [];
    for (const [clientOrderId, account] of [...this._unknown]) {
      const sentence = await this._askFor(clientOrderId, account);
      this._unknown.delete(clientOrderId);
      sentences.push(sentence);
    }
    // The list of retirements is complete and shows whether they happened: nothing is sent a second time.
    for (const request of this._unknownRetirements.splice(0)) {
      sentences.push(
        `See under Retirements whether ${request.credits.map((/** @type {any} */ one) => `${one.quantity} of ${one.class_id}`).join(", ")} (${request.reference}) were retired.`,
      );
    }
    return sentences;
  }

  /**
   * @param {string} clientOrderId
   * @param {string} account
   */
  async _askFor(clientOrderId, account) {
    try {
      const order = await this._connection.request("order.status", { account, client_order_id: clientOrderId });
      return `Order ${clientOrderId} had reached the exchange: ${order.status.replace("_", " ")}, ${order.filled} of ${order.quantity} filled.`;
    } catch (error) {
      if (error instanceof Refusal && error.code === UNKNOWN_ORDER) {
        return `Order ${clientOrderId} never reached the exchange.`;
      }
      throw error;
    }
  }

  /**
   * @param {string} method
   * @param {Record<string, unknown>} params
   * @param {string} remedy what to do when no answer comes
   */
  async _change(method, params, remedy = "the list of open orders will show what happened") {
    try {
      return await this._connection.request(method, params);
    } catch (error) {
      if (isAnswer(error)) throw error;
      throw new OutcomeUnknown(`No answer came: ${remedy}.`);
    }
  }
}

/** @param {unknown} error */
function isAnswer(error) {
  if (error instanceof Refusal) return error.code !== UNAVAILABLE;
  return !(error instanceof Unanswered);
}

/**
 * An id that nobody has used: 80 random bits.
 * @param {string} prefix
 */
function freshId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return `${prefix}-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
