// The client that phones use, over every transport, against a running server.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { TRANSPORTS, call, connect, openClinic, register } from "./qure.mjs";

for (const [title, options] of Object.entries(TRANSPORTS)) {
  describe(title, { concurrency: false, timeout: 60_000 }, () => {
    const sockets = [];
    let clinic;

    const join = async (person) => {
      const socket = await connect(options, person.jwt);
      sockets.push(socket);
      return socket;
    };

    before(async () => {
      clinic = await openClinic();
    });
    after(() => sockets.forEach((socket) => socket.close()));

    test("nobody gets in without a token", async () => {
      await assert.rejects(connect(options, undefined), { message: "UNAUTHORIZED" });
    });

    test("nobody gets in with a token that is none", async () => {
      await assert.rejects(connect(options, "not.a.token"), { message: "INVALID_TOKEN" });
    });

    test("the transport is the one that was asked for", async () => {
      const socket = await join(clinic.staff);
      const engine = socket.io.engine;
      if (options.transports?.[0] === "polling") {
        assert.equal(engine.transport.name, "polling");
      } else if (engine.transport.name !== "websocket") {
        await new Promise((resolve) => engine.once("upgrade", resolve));
        assert.equal(engine.transport.name, "websocket");
      }
      // And it works after that.
      assert.equal((await socket.ask("join-queue", clinic.queue.id)).ok, true);
    });

    test("a patient is called, seen and served, and hears all of it", async () => {
      const { staff, queue } = clinic;
      const patient = await register();
      const [desk, phone, tablet, stranger] = [
        await join(staff),
        await join(patient),
        await join(patient),
        await join(await register()),
      ];

      const joined = await phone.ask("join-queue", queue.id);
      assert.equal(joined.ok, true);
      await phone.next("join-queue");
      assert.deepEqual(await phone.next("queue:status_update"), joined.data);

      const token = await call("POST", "/tokens", { jwt: patient.jwt, body: { queueId: queue.id } });
      await phone.next("queue:status_update", (status) => status.waitingCount === 1);
      for (const socket of [phone, tablet]) {
        const place = await socket.next("queue:your_place");
        assert.deepEqual([place.tokenId, place.ahead], [token.id, 0]);
      }

      const called = await desk.ask("queue:call_next", queue.id);
      assert.equal(called.ok, true);
      assert.equal(called.data.id, token.id);
      assert.equal(called.data.status, "CALLED");
      for (const socket of [phone, tablet]) {
        assert.equal((await socket.next("queue:your_token_called")).id, token.id);
      }

      assert.equal((await desk.ask("queue:start_token", queue.id, token.id)).ok, true);
      await tablet.next("queue:your_token_started");
      assert.equal((await desk.ask("queue:complete_token", queue.id, token.id)).ok, true);
      await tablet.next("queue:your_token_completed");

      const served = (status) => status.lastServedTokenNumber === token.tokenNumber;
      const last = await phone.next("queue:status_update", served);
      assert.deepEqual(last, await call("GET", `/queues/${queue.id}/status`, { jwt: staff.jwt }));

      const empty = await desk.ask("queue:call_next", queue.id);
      assert.deepEqual([empty.ok, empty.code], [false, "queue_empty"]);
      assert.equal(typeof (await desk.next("queue:empty")), "string");
      assert.deepEqual(stranger.heard, []);
      const names = tablet.heard.map((event) => event.name);
      assert.deepEqual(names.filter((name) => name !== "queue:your_place"), [
        "queue:your_token_called",
        "queue:your_token_started",
        "queue:your_token_completed",
      ]);

      const left = await phone.ask("leave-queue", queue.id);
      assert.equal(left.ok, true);
      await phone.next("leave-queue");
    });

    test("a skipped patient hears of it", async () => {
      const { staff, queue } = clinic;
      const patient = await register();
      const [desk, phone] = [await join(staff), await join(patient)];
      const token = await call("POST", "/tokens", { jwt: patient.jwt, body: { queueId: queue.id } });
      assert.equal((await desk.ask("queue:skip_token", queue.id, token.id)).ok, true);
      assert.equal((await phone.next("queue:your_token_skipped")).status, "SKIPPED");
    });

    test("a phone that was away when it was called learns it on coming back", async () => {
      const { staff, queue } = clinic;
      const patient = await register();
      const token = await call("POST", "/tokens", { jwt: patient.jwt, body: { queueId: queue.id } });
      const desk = await join(staff);
      assert.equal((await desk.ask("queue:call_next", queue.id)).data.id, token.id);
      const phone = await join(patient);
      assert.equal((await phone.next("queue:your_token_called")).id, token.id);
      assert.equal((await desk.ask("queue:complete_token", queue.id, token.id)).ok, true);
      await phone.next("queue:your_token_completed");
    });

    test("nonsense is answered, to its sender alone, and the socket lives on", async () => {
      const patient = await register();
      const [phone, other] = [await join(patient), await join(patient)];
      const { queue } = clinic;
      for (const args of [[], [null], [7], [{}], [["x"]], ["no uuid"], [Buffer.from("bytes")]]) {
        const answer = await phone.ask("join-queue", ...args);
        assert.deepEqual([answer.ok, answer.code], [false, "validation_failed"]);
        assert.equal(typeof (await phone.next("join-queue-error")), "string");
      }
      const refused = await phone.ask("queue:call_next", queue.id);
      assert.deepEqual([refused.ok, refused.code], [false, "forbidden"]);
      assert.equal(typeof (await phone.next("queue:call_next_error")), "string");
      assert.equal((await phone.ask("no such event")).code, "unknown_event");
      assert.equal((await phone.ask("join-queue", queue.id)).ok, true);
      assert.deepEqual(other.heard, []);
    });

    test("what is emitted in one go is acknowledged, each of it", async () => {
      for (const padding of ["", "x".repeat(10_000)]) {
        const phone = await join(await register());
        const emits = Array.from({ length: 129 }, () =>
          phone.ask("join-queue", clinic.queue.id, padding),
        );
        const answers = await Promise.all(emits);
        assert.ok(answers.every(({ ok }) => ok));
      }
    });

    test("logging out ends the socket for good", async () => {
      const patient = await register();
      const phone = await join(patient);
      const gone = new Promise((resolve) => phone.once("disconnect", resolve));
      const [session] = await call("GET", "/auth/sessions", { jwt: patient.jwt });
      await call("DELETE", `/auth/sessions/${session.id}`, { jwt: patient.jwt });
      assert.equal(await gone, "io server disconnect");
    });
  });
}
