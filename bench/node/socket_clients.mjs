// Many lean socket clients in one process, the same for every server that is compared.
// Arguments: protocol (socketio | plain), URL, number, queue id, file with one access JWT a line.
// Prints "ready" when all have joined, then a line of JSON for each status version that has
// reached everyone: {version, first, last}, wall clock in milliseconds; at the end of its input,
// {received: messages in all}.
import { readFileSync } from "node:fs";
import WebSocket from "ws";

const [protocol, url, number, queueId, jwtFile] = process.argv.slice(2);
const wanted = Number(number);
const jwts = readFileSync(jwtFile, "utf8").trim().split("\n");
const isSocketIo = protocol === "socketio";
const address = url.replace("http", "ws") + (isSocketIo ? "/socket.io/?EIO=4&transport=websocket" : "/ws");
const rounds = new Map();
let joined = 0;
let received = 0;
const newest = new Array(wanted).fill(0);

function now() { return performance.timeOrigin + performance.now(); }

function heard(index, data) {
  received += 1;
  const version = Number(/"version":(\d+)/.exec(data)[1]);
  newest[index] = Math.max(newest[index], version);
  const round = rounds.get(version) ?? { version, first: now(), count: 0 };
  rounds.set(version, round);
  round.count += 1;
  if (round.count === wanted) {
    rounds.delete(version);
    console.log(JSON.stringify({ version, first: round.first, last: now() }));
  }
}

function connect(index) {
  const socket = new WebSocket(address, { perMessageDeflate: false, skipUTF8Validation: true });
  const jwt = jwts[index % jwts.length];
  let isJoined = false;
  const join = () => {
    if (isJoined) return;
    isJoined = true;
    joined += 1;
    if (joined === wanted) console.log("ready");
    else if (joined + 50 <= wanted) connect(joined + 49);
  };
  socket.on("message", (raw) => {
    const data = raw.toString("latin1");
    if (data.includes('"queue:status_update"')) { heard(index, data); join(); }
    else if (isSocketIo && data[0] === "0") socket.send(`40${JSON.stringify({ token: jwt })}`);
    else if (isSocketIo && data === "2") socket.send("3");
    else if (isSocketIo && data.startsWith("40")) {
      socket.send(`420${JSON.stringify(["join-queue", queueId])}`);
      if (process.env.NODE_ROOM) join();
    } else if (!isSocketIo && data.startsWith('{"event":"auth"')) {
      socket.send(JSON.stringify({ event: "join-queue", data: [queueId] }));
      if (process.env.NODE_ROOM) join();
    }
  });
  socket.on("open", () => {
    if (!isSocketIo) socket.send(JSON.stringify({ event: "auth", data: [jwt] }));
  });
  socket.on("error", (error) => { console.error(error.message); process.exit(1); });
  socket.on("close", (code) => { console.error(`closed: ${code}`); process.exit(1); });
}

for (let index = 0; index < Math.min(50, wanted); index += 1) connect(index);
process.stdin.on("data", () => {});
process.stdin.on("end", () => {
  console.log(JSON.stringify({ received, newest: Math.min(...newest) }));
  process.exit(0);
});
