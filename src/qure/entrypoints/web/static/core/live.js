/**
 * The plain WebSocket `/ws`: hears events, asks, comes back by itself. What a listener hears after
 * a connection was lost is up to it: `onopen` is called each time, to join and read anew.
 */

import { pause } from "./api.js";

const MAX_PAUSE = 8000;

/** A refusal of what was asked over the socket. */
export class Refused extends Error {
  /** @param {{code: string, message: string}} answer */
  constructor({ code, message }) {
    super(message);
    this.code = code;
  }
}

export class Live {
  /** @type {Map<string, ((payload: any) => void)[]>} */
  #listeners = new Map();
  /** @type {Map<number, {resolve: (data: any) => void, reject: (error: Error) => void}>} */
  #asked = new Map();
  /** @type {WebSocket | null} */
  #socket = null;
  #ids = 0;
  #ended = false;
  #watch = 0;
  #client;
  #quiet;

  /** Called each time that the connection stands. */
  onopen = () => {};
  /** Called when the connection comes and goes. */
  onchange = () => {};
  /** When the connection was lost, null while it stands. At first: when it began to be made. */
  lostAt = /** @type {number | null} */ (Date.now());

  /**
   * @param {import("./api.js").Client} client
   * @param {{quiet?: number}} [options] Seconds without a word after which the server is asked
   *   for one; as long again, and the connection counts as lost.
   */
  constructor(client, { quiet = 10 } = {}) {
    this.#client = client;
    this.#quiet = quiet * 1000;
    addEventListener("offline", () => this.#socket?.close());
  }

  /**
   * @param {string} event
   * @param {(payload: any) => void} heard
   */
  on(event, heard) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), heard]);
  }

  /**
   * Sends an event; what it is acknowledged with. Throws `Refused`, and `Error` when the
   * connection is lost before.
   * @param {string} event
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  ask(event, ...args) {
    return new Promise((resolve, reject) => {
      if (!this.#socket || this.lostAt !== null) return reject(new Error("not connected"));
      const id = ++this.#ids;
      this.#asked.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ event, data: args, id }));
    });
  }

  /** Connects, and stays so, until the login is over or `stop` is called. */
  async start() {
    let refused = false;
    for (let tries = 0; !this.#ended; tries++) {
      try {
        const jwt = await this.#client.token(refused);
        if (!jwt) return;
        const opened = await this.#connection(jwt);
        refused = opened === "refused";
        if (opened === "stood") tries = 0;
      } catch {
        // Nobody answered the question for a token: the same as no connection.
      }
      if (!this.#ended) await pause(Math.min(300 * 2 ** tries, MAX_PAUSE));
    }
  }

  /** Ends the connection for good. */
  stop() {
    this.#ended = true;
    this.#socket?.close();
  }

  /**
   * From its opening to its end.
   * @param {string} jwt
   * @returns {Promise<"stood" | "refused" | "failed">}
   */
  #connection(jwt) {
    return new Promise((resolve) => {
      /** @type {"stood" | "refused" | "failed"} */
      let outcome = "failed";
      const url = new URL("/ws", location.href);
      url.protocol = url.protocol.replace("http", "ws");
      const socket = this.#socket = new WebSocket(url);
      socket.onopen = () => socket.send(JSON.stringify({ event: "auth", data: [jwt] }));
      socket.onmessage = ({ data }) => {
        this.#expectWord(socket);
        const frame = JSON.parse(data);
        if (frame.event === "auth") {
          outcome = "stood";
          this.lostAt = null;
          this.onchange();
          this.onopen();
        } else if (frame.event === "auth-error") outcome = "refused";
        else this.#hear(frame);
      };
      socket.onclose = (event) => {
        clearTimeout(this.#watch);
        if (this.lostAt === null) {
          this.lostAt = Date.now();
          this.onchange();
        }
        for (const { reject } of this.#asked.values()) reject(new Error("connection lost"));
        this.#asked.clear();
        resolve(event.code === 1008 ? "refused" : outcome);
      };
      this.#expectWord(socket);
    });
  }

  /** @param {any} frame */
  #hear({ event, data, ack }) {
    if (ack === undefined) {
      for (const heard of this.#listeners.get(event) ?? []) heard(data?.[0]);
      return;
    }
    const asked = this.#asked.get(ack);
    this.#asked.delete(ack);
    if (data[0].ok) asked?.resolve(data[0].data);
    else asked?.reject(new Refused(data[0]));
  }

  /**
   * A connection can be dead for minutes without anybody saying so.
   * @param {WebSocket} socket
   */
  #expectWord(socket) {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      if (this.lostAt === null) this.ask("ping").catch(() => {});
      this.#watch = setTimeout(() => {
        socket.onclose?.(new CloseEvent("close", { code: 4000 }));
        socket.onclose = socket.onmessage = null;
        socket.close();
      }, this.#quiet);
    }, this.#quiet);
  }
}
