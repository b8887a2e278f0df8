/**
 * The HTTP API for a page: who asks is known by an access JWT that lives in memory alone, and is
 * renewed when it has expired. May be used by other programs: it needs nothing but `fetch`.
 */

const BASE = "/api";
const UNANSWERED = [429, 502, 503, 504];

/** The server said no. `code` is stable, `message` is a sentence, `errors` names bad fields. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {{message?: string, code?: string, errors?: {path: string, message: string}[] | null,
   *   meta?: any}} body
   * @param {number} after Seconds after which to try again; 0 when the server did not say.
   */
  constructor(status, body, after) {
    super(body.message ?? `The server answered ${status}.`);
    this.status = status;
    this.code = body.code ?? "unexpected";
    this.errors = body.errors ?? [];
    this.meta = body.meta ?? null;
    this.after = after;
  }
}

/** Nobody answered: the network or the server is away. */
export class Unreachable extends Error {
  code = "unreachable";
}

/** A key by which the server knows a request that comes twice. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * One request, without saying who asks.
 * @param {string} method
 * @param {string} path Below /api.
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>} `data` of the answer. Throws `Refusal`, `Unreachable`.
 */
export async function ask(method, path, body, headers = {}) {
  /** @type {RequestInit} */
  const request = { method, headers: { ...headers }, cache: "no-store", credentials: "same-origin" };
  if (body instanceof FormData) request.body = body;
  else if (body !== undefined) {
    request.body = JSON.stringify(body);
    request.headers = { ...headers, "Content-Type": "application/json" };
  }
  let response, answer;
  try {
    response = await fetch(BASE + path, request);
    answer = await response.json();
  } catch {
    throw new Unreachable(path);
  }
  if (response.ok) return answer.data;
  throw new Refusal(response.status, answer, Number(response.headers.get("Retry-After")) || 0);
}

/** Requests of somebody who is known. */
export class Client {
  /** @type {string | null} */
  #jwt = null;
  /** @type {Promise<string | null> | null} */
  #renewing = null;
  #renew;

  /** Called once when the login is over. */
  onended = () => {};

  /** @param {() => Promise<string | null>} renew The next access JWT; null when the login is over. */
  constructor(renew) {
    this.#renew = renew;
  }

  /** @param {string | null} jwt Known from elsewhere: a login brings one. */
  set jwt(jwt) {
    this.#jwt = jwt;
  }

  /**
   * An access JWT, null when the login is over. Throws `Unreachable`.
   * @param {boolean} [renewed] Whether the one before was refused.
   */
  async token(renewed = false) {
    if (this.#jwt && !renewed) return this.#jwt;
    this.#renewing ??= this.#renew().finally(() => this.#renewing = null);
    const had = this.#jwt;
    this.#jwt = await this.#renewing;
    if (had && !this.#jwt) this.onended();
    return this.#jwt;
  }

  /**
   * One request. Throws `Refusal`, `Unreachable`.
   * @param {string} method
   * @param {string} path Below /api.
   * @param {unknown} [body]
   * @param {{key?: string}} [options] `key` makes it safe to send again.
   * @returns {Promise<any>} `data` of the answer.
   */
  async call(method, path, body, { key } = {}) {
    /** @type {Record<string, string>} */
    const headers = key ? { "Idempotency-Key": key } : {};
    for (let renewed = false;; renewed = true) {
      const jwt = await this.token(renewed);
      if (!jwt) throw new Refusal(401, { code: "unauthenticated", message: "Please log in." }, 0);
      try {
        return await ask(method, path, body, { ...headers, Authorization: `Bearer ${jwt}` });
      } catch (error) {
        if (renewed || !(error instanceof Refusal) || error.status !== 401) throw error;
      }
    }
  }

  /** @param {string} path Below /api. */
  get(path) {
    return this.call("GET", path);
  }

  /**
   * A move that is neither lost nor made twice: sent with one key until somebody answers.
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {{key?: string, onwait?: () => void, signal?: AbortSignal}} [options]
   *   `onwait` hears of each time that nobody answered.
   * @returns {Promise<any>} Throws `Refusal`; the signal's reason.
   */
  async move(method, path, body, { key = newKey(), onwait, signal } = {}) {
    for (let tries = 0;; tries++) {
      signal?.throwIfAborted();
      try {
        return await this.call(method, path, body, { key });
      } catch (error) {
        const again = error instanceof Unreachable ||
          (error instanceof Refusal && UNANSWERED.includes(error.status));
        if (!again) throw error;
        onwait?.();
        const after = error instanceof Refusal && error.after;
        await pause(after ? after * 1000 : Math.min(500 * 2 ** tries, 5000));
      }
    }
  }
}

/** @param {number} ms At most so long: being online again, or looked at, ends it. */
export function pause(ms) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      document.removeEventListener("visibilitychange", seen);
      resolve(undefined);
    };
    const seen = () => document.visibilityState === "visible" && end();
    const timer = setTimeout(end, ms * (0.75 + Math.random() / 2));
    addEventListener("online", end);
    document.addEventListener("visibilitychange", seen);
  });
}

/** @typedef {"login" | "display"} SessionKind */

/**
 * A client whose refresh secret is in a cookie, which no script can read.
 * @param {SessionKind} kind A television in the same browser has a login of its own.
 * @param {(user: any) => void} [onuser] Hears who it is, with each renewal.
 */
export function sessionClient(kind, onuser) {
  return new Client(() =>
    oneTabAtATime(`qure-${kind}`, async () => {
      try {
        const data = await ask("POST", "/auth/refresh-token", undefined, { "Qure-Session": kind });
        onuser?.(data.user);
        return data.accessToken;
      } catch (error) {
        if (error instanceof Refusal && [401, 403].includes(error.status)) return null;
        throw error;
      }
    })
  );
}

/**
 * A client for whoever holds the secret of a guest's link.
 * @param {string} secret
 * @param {(user: any) => void} [onuser] Hears who it is, with each renewal.
 */
export function guestClient(secret, onuser) {
  return new Client(async () => {
    try {
      const data = await ask("POST", "/guest/session", { secret });
      onuser?.(data.user);
      return data.accessToken;
    } catch (error) {
      if (error instanceof Refusal && [400, 401].includes(error.status)) return null;
      throw error;
    }
  });
}

/**
 * Two tabs that renew at one moment would use one refresh secret twice.
 * @template Result
 * @param {string} name
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result>}
 */
function oneTabAtATime(name, work) {
  // Browsers have locks only where they trust the connection; the server forgives 10 seconds.
  return navigator.locks ? navigator.locks.request(name, work) : work();
}
