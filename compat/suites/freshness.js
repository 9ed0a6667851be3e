// Kept answers: asked twice they are hits; changed through the client or around it they are new.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BOUND_MS, data, kept, until } from "../node.js";

const USER = "00000000-0000-4000-8000-00000000000f";

/** Reads of the client's row, each in another shape, and the city in their answer. */
const READS = [
  ["a point read", (db, id) => db.from("clients").select().eq("id", id).single(), (row) => row.city],
  ["a list", (db, id) => db.from("clients").select("id, city").in("id", [1, id]).order("id"), (rows) => rows[1].city],
  [
    "a relation embedded in another",
    (db, id) => db.from("jobs").select("clients(city)").eq("client_id", id).single(),
    (row) => row.clients.city,
  ],
];

export function freshness(node) {
  for (const [name, read, cityIn] of READS) {
    test(`${name} is kept until its row changes, by a client or by anybody`, async () => {
      const client = node.client(USER);
      const { db } = client;
      const { id } = await data(db.from("clients").insert({ name: "fresh", city: "0" }).select("id").single());
      await data(db.from("jobs").insert({ client_id: id, title: "fresh" }));
      const city = async () => cityIn(await data(read(db, id)));
      for (const round of ["1", "2", "3", "4", "5"]) {
        await data(db.from("clients").update({ city: round }).eq("id", id));
        assert.equal(await city(), round, "a write through Courant is seen by the very next read");
        await kept(client, async () => assert.equal(await city(), round));
        const changed = `${round} outside`;
        await node.outside.query("update clients set city = $1 where id = $2", [changed, id]);
        await until(async () => (await city()) === changed, BOUND_MS);
        await kept(client, async () => assert.equal(await city(), changed));
      }
      await data(db.from("jobs").delete().eq("client_id", id));
      await data(db.from("clients").delete().eq("id", id));
    });
  }

  test("a count is exact after every write", async () => {
    const { db } = node.client(USER);
    const head = () => db.from("jobs").select("*", { count: "exact", head: true }).eq("owner", USER);
    const count = async () => (await head()).count;
    for (let number = 0; number < 5; number += 1) {
      assert.equal(await count(), number);
      await data(db.from("jobs").insert({ client_id: 1, title: `${number}` }));
    }
    await data(db.from("jobs").delete().eq("owner", USER));
    assert.equal(await count(), 0);
  });
}
