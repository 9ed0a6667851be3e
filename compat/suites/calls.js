// rpc: by GET and by POST, scalars and rows, reading and writing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { data, kept } from "../node.js";

const USER = "00000000-0000-4000-8000-00000000000c";

export function calls(node) {
  test("a scalar, by POST, by GET and by HEAD", async () => {
    const { db } = node.client();
    assert.equal(await data(db.rpc("hours_of", { client: 1 })), 10);
    assert.equal(await data(db.rpc("hours_of", { client: 1 }, { get: true })), 10);
    const head = await db.rpc("jobs_longer_than", { bound: 4 }, { head: true, count: "exact" });
    assert.deepEqual([head.error, head.count], [null, 2]);
  });

  test("rows, filtered, ordered, and with what is related", async () => {
    const { db } = node.client();
    for (const options of [{}, { get: true }]) {
      const asked = db.rpc("jobs_longer_than", { bound: 1 }, options).select("title, clients(name)").lt("hours", 8);
      assert.deepEqual(await data(asked.order("hours", { ascending: false })), [
        { title: "boiler", clients: { name: "Beaulieu" } },
        { title: "gutter", clients: { name: "Aubin" } },
      ]);
    }
  });

  test("a function that reads is answered from the cache, and dropped by a write it reads", async () => {
    const client = node.client(USER);
    const { db } = client;
    const hours = () => data(db.rpc("hours_of", { client: 3 }, { get: true }));
    await kept(client, async () => assert.equal(await hours(), 0));
    const { id } = await data(db.from("jobs").insert({ client_id: 3, title: "a", hours: 7 }).select("id").single());
    assert.equal(await hours(), 7);
    await data(db.from("jobs").delete().eq("id", id));
    assert.equal(await hours(), 0);
  });

  test("a function that writes, and its row", async () => {
    const { db } = node.client(USER);
    const booked = await data(db.rpc("book", { client: 3, title: "booked" }).select("id, title").single());
    assert.equal(booked.title, "booked");
    const found = await data(db.from("jobs").select("owner").eq("id", booked.id).single());
    assert.equal(found.owner, USER);
    await data(db.from("jobs").delete().eq("id", booked.id));
    const read = await db.rpc("book", { client: 3, title: "read" }, { get: true });
    assert.deepEqual([read.status, read.error.code], [405, "25006"]);
  });
}
