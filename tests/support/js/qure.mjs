// What the tests share: the HTTP door, a socket that remembers what it heard, and a fresh clinic.

import { io } from "socket.io-client";

const url = process.env.QURE_TEST_URL;
const admin = JSON.parse(process.env.QURE_TEST_ADMIN ?? "null");
if (!url || !admin) throw new Error("QURE_TEST_URL and QURE_TEST_ADMIN must be set");

export const TRANSPORTS = {
  "polling only": { transports: ["polling"] },
  "polling, then upgraded": {},
  "websocket only": { transports: ["websocket"] },
};

export async function call(method, path, { jwt, body } = {}) {
  const headers = { "content-type": "application/json" };
  if (jwt) headers.authorization = `Bearer ${jwt}`;
  const answer = await fetch(`${url}/api${path}`, {
    method,
    headers,
    body: body && JSON.stringify(body),
  });
  const { success, data, message } = await answer.json();
  if (!success) throw new Error(`${method} ${path}: ${answer.status} ${message}`);
  return data;
}

let people = 0;

export async function login(email, password) {
  const { user, accessToken } = await call("POST", "/auth/login", { body: { email, password } });
  return { ...user, jwt: accessToken };
}

export async function register() {
  const email = `js-${process.pid}-${Date.now()}-${++people}@example.org`;
  const password = "correct horse";
  await call("POST", "/auth/register", {
    body: { firstName: "Grace", lastName: "Hopper", email, password, confirmPassword: password },
  });
  return login(email, password);
}

// An admin, a clinic with one staff member, and today's queue of it.
export async function openClinic() {
  const { jwt } = await login(admin.email, admin.password);
  const clinic = await call("POST", "/clinic", {
    jwt,
    body: { name: `Clinic ${process.pid} ${Date.now()} ${++people}`, latitude: 1, longitude: 2 },
  });
  const staff = await register();
  await call("POST", `/clinic/${clinic.id}/staff`, { jwt, body: { userId: staff.id } });
  const queue = await call("POST", `/queues/init/${clinic.id}`, { jwt: staff.jwt });
  return { admin: jwt, clinic, staff, queue };
}

// A connected socket with `heard` (all events so far) and `next(name)` (the next one not taken yet).
export async function connect(options, token, { heard = [] } = {}) {
  const socket = io(url, { forceNew: true, reconnection: false, ...options, auth: { token } });
  watch(socket, heard);
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", (error) => {
      socket.close();
      reject(error);
    });
  });
  return socket;
}

function watch(socket, heard) {
  const waiting = [];
  const taken = new Set();
  const serve = () => {
    for (const one of [...waiting]) {
      const at = heard.findIndex((event, i) => !taken.has(i) && one.matches(event));
      if (at < 0) continue;
      taken.add(at);
      waiting.splice(waiting.indexOf(one), 1);
      clearTimeout(one.timer);
      one.resolve(heard[at].args[0]);
    }
  };
  socket.onAny((name, ...args) => {
    heard.push({ name, args });
    serve();
  });
  socket.heard = heard;
  socket.next = (name, matches = () => true, milliseconds = 5000) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no ${name}; heard ${JSON.stringify(heard)}`)),
        milliseconds,
      );
      waiting.push({ timer, resolve, matches: (e) => e.name === name && matches(e.args[0]) });
      serve();
    });
  socket.ask = (name, ...args) => socket.timeout(5000).emitWithAck(name, ...args);
}
