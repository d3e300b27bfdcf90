/** The websocket: requests with answers, pushes, a watch over its silence, and coming back after it was lost. */

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8000;
const SILENT_HEARTBEATS = 2.5;
const ANSWER_LIMIT_MS = 20000;
const NO_CODE = 1006;
/** Close codes from here on are the exchange's own. */
const FIRST_POLICY_CODE = 4000;

/** A numbered refusal of the exchange. */
export class Refusal extends Error {
  /** @param {{code: number, name: string, message: string, data?: Record<string, any>}} error */
  constructor(error) {
    super(`${error.code} ${error.name}: ${error.message}`);
    this.code = error.code;
    this.codeName = error.name;
    this.sentence = error.message;
    this.data = error.data ?? {};
  }
}

/** Rate limited, busy, unavailable: the same request may succeed later. */
const TRANSIENT_CODES = [2005, 3012, 3013];

/**
 * Whether the same request may succeed on another connection or later.
 * @param {unknown} error
 */
export function isTransient(error) {
  return error instanceof Unanswered || (error instanceof Refusal && TRANSIENT_CODES.includes(error.code));
}

/** No answer came: what the request did is unknown. */
export class Unanswered extends Error {}

/** @typedef {"connecting" | "open" | "lost"} ConnectionState */

export class Connection {
  /** @param {string} url */
  constructor(url) {
    this._url = url;
    /** @type {WebSocket | null} */
    this._socket = null;
    /** @type {ConnectionState} */
    this.state = "connecting";
    /**
     * What the server said first on this connection.
     * @type {Record<string, any> | null}
     */
    this.hello = null;
    /** @type {Map<number, {resolve: (result: any) => void, reject: (error: Error) => void, timer: number}>} */
    this._waiting = new Map();
    this._nextId = 0;
    this._wait_ms = FIRST_WAIT_MS;
    this._retryTimer = 0;
    this._silenceTimer = 0;
    /** Last seq that the server told on this connection. */
    this.seq = 0;
    this.closeReason = "";
    /** Whether the last connection was closed for something that this client did or is. */
    this.closedByPolicy = false;
    /**
     * Called with every change of `state`.
     * @type {(state: ConnectionState) => void}
     */
    this.onState = () => {};
    /**
     * Called with `params` of every event.
     * @type {(params: any) => void}
     */
    this.onEvent = () => {};
    /**
     * Called whenever `seq` has grown.
     * @type {(seq: number) => void}
     */
    this.onSeq = () => {};
  }

  /** Connects, and from now on comes back whenever the connection is lost. */
  start() {
    window.addEventListener("online", () => this._retryNow());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this._retryNow();
    });
    this._connect();
  }

  /**
   * Sends a request. Rejects with Refusal, or with Unanswered when the connection is lost before the answer.
   * @param {string} method
   * @param {Record<string, unknown>} params
   * @returns {Promise<any>}
   */
  request(method, params = {}) {
    const socket = this._socket;
    if (this.state !== "open" || !socket) return Promise.reject(new Unanswered("not connected"));
    this._nextId += 1;
    const id = this._nextId;
    return new Promise((resolve, reject) => {
      const timer = window.setTimeout(() => {
        this._waiting.delete(id);
        reject(new Unanswered("no answer came in time"));
      }, ANSWER_LIMIT_MS);
      this._waiting.set(id, { resolve, reject, timer });
      socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** Gives up this connection, on which something essential failed, and makes another one after a while. */
  renew() {
    const socket = this._socket;
    if (!socket || this.state !== "open") return;
    this._wait_ms = LONGEST_WAIT_MS;
    socket.close();
    this._closed(socket, "");
  }

  _connect() {
    const socket = new WebSocket(this._url);
    this._socket = socket;
    socket.onmessage = (message) => this._received(socket, message.data);
    socket.onclose = (event) => this._closed(socket, event.reason, event.code);
    this._watchSilence(LONGEST_WAIT_MS);
  }

  /**
   * @param {WebSocket} socket
   * @param {string} text
   */
  _received(socket, text) {
    if (socket !== this._socket) return;
    if (this.hello) this._watchSilence(this.hello.heartbeat_ms * SILENT_HEARTBEATS);
    const content = JSON.parse(text);
    for (const frame of Array.isArray(content) ? content : [content]) this._take(frame);
  }

  /** @param {any} frame */
  _take(frame) {
    if (frame.method === "event") {
      this._tellSeq(frame.params.seq);
      this.onEvent(frame.params);
    } else if (frame.method === "heartbeat") {
      this._tellSeq(frame.params.seq);
    } else if (frame.method === "hello") {
      this.hello = frame.params;
      this._wait_ms = FIRST_WAIT_MS;
      this._watchSilence(frame.params.heartbeat_ms * SILENT_HEARTBEATS);
      this.seq = 0;
      this._tellSeq(frame.params.seq);
      this._setState("open");
    } else {
      this._answered(frame);
    }
  }

  /** @param {number} seq */
  _tellSeq(seq) {
    // A channel that resumes tells of earlier events.
    if (seq <= this.seq) return;
    this.seq = seq;
    this.onSeq(seq);
  }

  /** @param {any} frame */
  _answered(frame) {
    const waiting = this._waiting.get(frame.id);
    if (!waiting) return;
    this._waiting.delete(frame.id);
    clearTimeout(waiting.timer);
    if (frame.error) waiting.reject(new Refusal(frame.error));
    else waiting.resolve(frame.result);
  }

  /** @param {number} limit_ms */
  _watchSilence(limit_ms) {
    clearTimeout(this._silenceTimer);
    this._silenceTimer = window.setTimeout(() => {
      const socket = this._socket;
      if (!socket) return;
      // A dead connection may take minutes to notice that it is closed: it is lost from now on.
      socket.close();
      this._closed(socket, "the server fell silent");
    }, limit_ms);
  }

  /**
   * @param {WebSocket} socket
   * @param {string} reason
   * @param {number} code
   */
  _closed(socket, reason, code = NO_CODE) {
    if (socket !== this._socket) return;
    clearTimeout(this._silenceTimer);
    this._socket = null;
    this.hello = null;
    this.closeReason = reason;
    this.closedByPolicy = code >= FIRST_POLICY_CODE;
    const waiting = [...this._waiting.values()];
    this._waiting.clear();
    this._setState("lost");
    for (const { reject, timer } of waiting) {
      clearTimeout(timer);
      reject(new Unanswered("the connection was lost before the answer"));
    }
    const jitter = 0.7 + 0.6 * Math.random();
    this._retryTimer = window.setTimeout(() => this._connect(), this._wait_ms * jitter);
    this._wait_ms = Math.min(this._wait_ms * 2, LONGEST_WAIT_MS);
  }

  _retryNow() {
    if (this._socket) return;
    clearTimeout(this._retryTimer);
    this._connect();
  }

  /** @param {ConnectionState} state */
  _setState(state) {
    this.state = state;
    this.onState(state);
  }
}
