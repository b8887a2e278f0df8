// Sends HTTP requests over a number of connections and prints what came of it as one line of JSON.
// Standard input: {url, connections, seconds} to repeat one request for a time, or
// {url, requests: [{path, headers, body}, ...], connections} to send each of them once.
import autocannon from "autocannon";
import { readFileSync } from "node:fs";

const job = JSON.parse(readFileSync(0, "utf8"));
const options = { url: job.url, connections: job.connections, pipelining: 1, headers: job.headers, timeout: 30 };
if (job.requests) {
  const share = Math.ceil(job.requests.length / job.connections);
  let next = 0;
  options.amount = job.requests.length;
  options.setupClient = (client) => {
    const mine = job.requests.slice(next, next + share);
    next += share;
    client.setRequests(mine.map((request) => ({ method: "POST", ...request })));
  };
} else {
  options.duration = job.seconds;
}
const statuses = {};
let started = 0;
let ended = 0;
started = performance.timeOrigin + performance.now();
const run = autocannon(options, (error, result) => {
  if (error) throw error;
  // The program itself only looks once a second whether all is done.
  const seconds = job.requests ? (ended - started) / 1000 : result.duration;
  const { p50, p99, max } = result.latency;
  const answered = Object.values(statuses).reduce((sum, n) => sum + n, 0);
  console.log(JSON.stringify({ answered, seconds, statuses, errors: result.errors, ended: ended / 1000, p50, p99, max }));
});
run.on("response", (_client, status) => {
  statuses[status] = (statuses[status] ?? 0) + 1;
  ended = performance.timeOrigin + performance.now();
});
