/** A copy of one order book, kept from the channel `book` and verified with every push. */

import { compareDecimals } from "./decimal.js";
import { crc32 } from "./crc32.js";

/** @typedef {[string, number]} Level price and visible quantity */

const CHECKSUM_LEVELS = 10;

/** The copy is not what the exchange has: subscribe again. */
export class BookMismatch extends Error {}

export class BookModel {
  constructor() {
    /** @type {Level[]} best first */
    this.bids = [];
    /** @type {Level[]} best first */
    this.asks = [];
    this.seq = 0;
  }

  /**
   * Takes a push. Throws BookMismatch when one is missing or the checksum differs.
   * @param {{seq: number, prev_seq: number, data: {type: string, bids: Level[], asks: Level[], checksum: number}}} push
   */
  apply(push) {
    const { data } = push;
    if (data.type === "snapshot") {
      this.bids = data.bids.slice();
      this.asks = data.asks.slice();
    } else {
      if (push.prev_seq !== this.seq) {
        throw new BookMismatch(`the book is as of ${this.seq}, the change follows ${push.prev_seq}`);
      }
      for (const level of data.bids) setLevel(this.bids, level, -1);
      for (const level of data.asks) setLevel(this.asks, level, 1);
    }
    this.seq = push.seq;
    const own = this.checksum();
    if (own !== data.checksum) {
      throw new BookMismatch(`checksum ${own} as of ${push.seq}, the exchange has ${data.checksum}`);
    }
  }

  /**
   * CRC-32 over the ten best asks, then the ten best bids: price without point and leading zeros, then quantity.
   * @returns {number}
   */
  checksum() {
    let text = "";
    for (const side of [this.asks, this.bids]) {
      for (const [price, quantity] of side.slice(0, CHECKSUM_LEVELS)) {
        text += price.replace(".", "").replace(/^0+/, "") + quantity;
      }
    }
    return crc32(text);
  }
}

/**
 * Sets, adds or (quantity 0) removes a level. `order` is 1 where prices go up from the best, -1 where they go down.
 * @param {Level[]} side
 * @param {Level} level
 * @param {1 | -1} order
 */
function setLevel(side, level, order) {
  const [price, quantity] = level;
  let low = 0;
  let high = side.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order * compareDecimals(side[middle][0], price) < 0) low = middle + 1;
    else high = middle;
  }
  const found = low < side.length && side[low][0] === price;
  if (quantity === 0) {
    if (found) side.splice(low, 1);
  } else {
    side.splice(low, found ? 1 : 0, level);
  }
}
