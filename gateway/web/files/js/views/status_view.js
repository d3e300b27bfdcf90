/** The top line: connection, place in the log, business date, clock. */

import { byId, setText } from "../dom.js";
import { grouped } from "../decimal.js";

const STATES = { connecting: "Connecting", open: "Live", lost: "Connection lost, trying again" };

export class StatusView {
  constructor() {
    this._tick();
    window.setInterval(() => this._tick(), 1000);
  }

  /**
   * Shows the state of the connection.
   * @param {import("../connection.js").ConnectionState} state
   */
  connection(state) {
    document.body.dataset.connection = state;
    setText(byId("connection"), STATES[state]);
  }

  /**
   * Shows the venue's name.
   * @param {string} name
   */
  venue(name) {
    setText(byId("venue"), name);
  }

  /**
   * Shows the last event that the exchange told of.
   * @param {number} seq
   */
  seq(seq) {
    setText(byId("seq"), grouped(seq));
  }

  /**
   * Shows the business date.
   * @param {string} date
   */
  businessDate(date) {
    setText(byId("business-date"), date || "–");
  }

  _tick() {
    setText(byId("clock"), new Date().toISOString().slice(11, 19));
  }
}
