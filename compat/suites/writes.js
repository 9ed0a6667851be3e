// Insert, upsert, update, delete; with what they return.

import assert from "node:assert/strict";
import { test } from "node:test";

import { data } from "../node.js";

const USER = "00000000-0000-4000-8000-00000000000a";

export function writes(node) {
  const from = (table) => node.client(USER).db.from(table);

  test("inserts one and many, silently or returning what was asked for", async () => {
    const silent = await from("clients").insert({ name: "silent" });
    assert.deepEqual([silent.error, silent.data, silent.status], [null, null, 201]);
    const one = await from("clients").insert({ name: "one", city: "Lévis" }).select("name, city").single();
    assert.deepEqual([one.data, one.status], [{ name: "one", city: "Lévis" }, 201]);
    const rows = ["two", "three"].map((name) => ({ name, city: "Lévis" }));
    const many = await from("clients").insert(rows, { defaultToNull: false, count: "exact" }).select();
    assert.deepEqual(many.data?.map((row) => [row.name, row.details]), [["two", {}], ["three", {}]]);
    assert.deepEqual([many.error, many.status, many.count], [null, 201, 2]);
    const gone = await from("clients").delete({ count: "exact" }).in("name", ["silent", "one", "two", "three"]);
    assert.deepEqual([gone.status, gone.count, gone.data], [204, 4, null]);
  });

  test("returns what is related to what it wrote", async () => {
    const asked = from("jobs").insert({ client_id: 2, title: "new" }).select("title, clients(name)").single();
    assert.deepEqual(await data(asked), { title: "new", clients: { name: "Beaulieu" } });
    assert.deepEqual(await data(from("jobs").delete().eq("owner", USER).select("title")), [{ title: "new" }]);
  });

  test("upserts by primary key and by another, merging or ignoring", async () => {
    const { id } = await data(from("clients").insert({ name: "kept", city: "Laval" }).select("id").single());
    const upserted = (row, options) => data(from("clients").upsert(row, options).select("id, name, city"));
    assert.deepEqual(await upserted({ id, name: "kept", city: "Gatineau" }), [{ id, name: "kept", city: "Gatineau" }]);
    const byName = { onConflict: "name" };
    assert.deepEqual(await upserted({ name: "kept", city: "Sorel" }, byName), [{ id, name: "kept", city: "Sorel" }]);
    const ignored = { onConflict: "name", ignoreDuplicates: true };
    assert.deepEqual(await upserted({ name: "kept", city: "never" }, ignored), []);
    const rows = [{ name: "kept", city: "Alma" }, { name: "fresh", city: "Amos" }];
    assert.deepEqual((await upserted(rows, byName)).map((row) => row.city), ["Alma", "Amos"]);
    await data(from("clients").delete().in("name", ["kept", "fresh"]));
  });

  test("updates and deletes what the filters leave", async () => {
    const rows = ["a", "b", "c"].map((title) => ({ client_id: 4, title, hours: 1 }));
    await data(from("jobs").insert(rows));
    const updated = from("jobs").update({ hours: 3 }).eq("client_id", 4).neq("title", "c").select("title, hours");
    assert.deepEqual(await data(updated.order("title")), [{ title: "a", hours: 3 }, { title: "b", hours: 3 }]);
    const counted = await from("jobs").update({ hours: 4 }, { count: "exact" }).eq("client_id", 4).gte("hours", 3);
    assert.deepEqual([counted.status, counted.data, counted.count], [204, null, 2]);
    assert.deepEqual(await data(from("jobs").update({ hours: 0 }).eq("title", "absent").select()), []);
    assert.deepEqual(await data(from("jobs").delete().eq("title", "c").select("hours").single()), { hours: 1 });
    assert.equal((await data(from("jobs").select().eq("client_id", 4))).length, 2);
    await data(from("jobs").delete().eq("client_id", 4));
    assert.deepEqual(await data(from("jobs").select().eq("client_id", 4)), []);
  });
}
