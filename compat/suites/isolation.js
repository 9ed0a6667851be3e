// Who asks decides what is seen: policies hold for what is read, written and kept.

import assert from "node:assert/strict";
import { test } from "node:test";

import { data, kept } from "../node.js";

const [ALICE, BOB] = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];

export function isolation(node) {
  test("each user sees their own rows, asked in turn, from the database and from the cache", async () => {
    const [alice, bob, nobody] = [node.client(ALICE), node.client(BOB), node.client()];
    await data(alice.db.from("jobs").insert({ client_id: 4, title: "alice's" }));
    await data(bob.db.from("jobs").insert({ client_id: 4, title: "bob's" }));
    const titles = async ({ db }) => {
      const jobs = await data(db.from("jobs").select("title").eq("client_id", 4));
      return jobs.map((job) => job.title);
    };
    const each = [[alice, ["alice's"]], [bob, ["bob's"]], [nobody, []]];
    for (const [who, expected] of each) assert.deepEqual(await titles(who), expected);
    for (const [who, expected] of each) await kept(who, async () => assert.deepEqual(await titles(who), expected));
    assert.deepEqual(await data(bob.db.from("jobs").delete().eq("title", "alice's").select()), []);
    const stolen = await bob.db.from("jobs").insert({ client_id: 4, title: "stolen", owner: ALICE });
    assert.deepEqual([stolen.status, stolen.error.code], [403, "42501"]);
    assert.deepEqual(await titles(alice), ["alice's"]);
    for (const { db } of [alice, bob]) await data(db.from("jobs").delete().eq("client_id", 4));
  });

  test("what is embedded is guarded like what is asked for", async () => {
    const titles = async ({ db }) => {
      const client = await data(db.from("clients").select("jobs(title)").eq("id", 2).single());
      return client.jobs.map((job) => job.title);
    };
    await node.outside.query("update jobs set owner = $1 where title = 'secret'", [ALICE]);
    // None of them has asked for this before: no answer from before the change was kept.
    assert.deepEqual((await titles(node.client(ALICE))).sort(), ["boiler", "secret"]);
    assert.deepEqual(await titles(node.client(BOB)), ["boiler"]);
    assert.deepEqual(await titles(node.client()), ["boiler"]);
    await node.outside.query("update jobs set owner = null where title = 'secret'");
  });
}
