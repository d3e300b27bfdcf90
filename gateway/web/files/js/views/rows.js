/** Rows of a table or list that are kept while their items live, so that focus and scroll position stay. */

/**
 * @template Item
 * @typedef {object} RowMaker
 * @property {(item: Item) => string | number} key
 * @property {(item: Item) => HTMLElement} create
 * @property {(row: HTMLElement, item: Item) => void} update
 */

/** @template Item */
export class Rows {
  /**
   * @param {HTMLElement} parent
   * @param {RowMaker<Item>} maker
   */
  constructor(parent, maker) {
    this._parent = parent;
    this._maker = maker;
    /** @type {Map<string | number, HTMLElement>} */
    this._rows = new Map();
  }

  /**
   * Shows exactly these items in this order.
   * @param {Item[]} items
   */
  show(items) {
    const { key, create, update } = this._maker;
    /** @type {Map<string | number, HTMLElement>} */
    const kept = new Map();
    for (const item of items) {
      const itemKey = key(item);
      const row = this._rows.get(itemKey) ?? create(item);
      update(row, item);
      kept.set(itemKey, row);
    }
    for (const [itemKey, row] of this._rows) if (!kept.has(itemKey)) row.remove();
    let next = this._parent.firstElementChild;
    for (const row of kept.values()) {
      if (row === next) next = next.nextElementSibling;
      else this._parent.insertBefore(row, next);
    }
    this._rows = kept;
  }
}
