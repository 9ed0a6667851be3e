// Filters, order, ranges, counts, one row or none.

import assert from "node:assert/strict";
import { test } from "node:test";

import { data } from "../node.js";

/** A filter, and the clients that it leaves. */
const FILTERS = [
  ["eq", (q) => q.eq("name", "Aubin"), [1]],
  ["neq", (q) => q.neq("id", 2), [1, 3, 4]],
  ["gt and lte", (q) => q.gt("id", 1).lte("id", 3), [2, 3]],
  ["gte and lt", (q) => q.gte("id", 2).lt("id", 3), [2]],
  ["like", (q) => q.like("name", "%u%"), [1, 2, 3]],
  ["ilike", (q) => q.ilike("name", "b%"), [2]],
  ["is null", (q) => q.is("city", null), [4]],
  ["in", (q) => q.in("city", ["Montréal", "a, \"b\""]), [2]],
  ["not", (q) => q.not("city", "is", null), [1, 2, 3]],
  ["or", (q) => q.or("id.eq.4,and(city.eq.Québec,name.like.C*)"), [3, 4]],
  ["match", (q) => q.match({ city: "Québec", name: "Couture" }), [3]],
  ["filter", (q) => q.filter("id", "in", "(1,4)"), [1, 4]],
  ["contains", (q) => q.contains("details", { size: "large" }), [2, 3]],
  ["containedBy", (q) => q.containedBy("details", { size: "small", floors: 1 }), [1, 4]],
  ["a path into JSON", (q) => q.eq("details->>size", "small"), [1]],
  ["textSearch", (q) => q.textSearch("name", "couture"), [3]],
];

export function reads(node) {
  for (const [name, filter, expected] of FILTERS) {
    test(`filters by ${name}`, async () => {
      const rows = await data(filter(node.client().db.from("clients").select("id")).order("id"));
      assert.deepEqual(rows.map((row) => row.id), expected);
    });
  }

  test("selects columns, renamed, cast and from JSON", async () => {
    const asked = node.client().db.from("clients").select("number:id::text, name, floors:details->floors").eq("id", 2);
    assert.deepEqual(await data(asked), [{ number: "2", name: "Beaulieu", floors: 9 }]);
  });

  test("orders by several columns, nulls where asked", async () => {
    const { db } = node.client();
    const ids = async (query) => (await data(query)).map((row) => row.id);
    const by = (options) => db.from("clients").select("id").order("city", options).order("id", { ascending: false });
    assert.deepEqual(await ids(by({ ascending: true })), [2, 3, 1, 4]);
    assert.deepEqual(await ids(by({ ascending: false, nullsFirst: true })), [4, 3, 1, 2]);
  });

  test("limits and pages", async () => {
    const { db, last } = node.client();
    const names = () => db.from("clients").select("name").order("name");
    assert.deepEqual(await data(names().limit(2)), [{ name: "Aubin" }, { name: "Beaulieu" }]);
    assert.deepEqual(await data(names().range(1, 2)), [{ name: "Beaulieu" }, { name: "Couture" }]);
    assert.equal(last.headers.get("content-range"), "1-2/*");
    assert.deepEqual(await data(names().range(10, 20)), []);
  });

  test("counts exactly, with rows and without", async () => {
    const { db } = node.client();
    const counted = await db.from("clients").select("id", { count: "exact" }).lte("id", 4).range(0, 1).order("id");
    assert.deepEqual([counted.data, counted.count, counted.status], [[{ id: 1 }, { id: 2 }], 4, 206]);
    const head = await db.from("clients").select("*", { count: "exact", head: true }).eq("city", "Québec");
    assert.deepEqual([head.error, head.data, head.count], [null, null, 2]);
  });

  test("reads one row, or perhaps one", async () => {
    const { db } = node.client();
    const clients = (id) => db.from("clients").select("name").eq("id", id);
    assert.deepEqual(await data(clients(1).single()), { name: "Aubin" });
    assert.deepEqual(await data(clients(1).maybeSingle()), { name: "Aubin" });
    assert.equal(await data(clients(0).maybeSingle()), null);
    const none = await clients(0).single();
    assert.deepEqual([none.data, none.status, none.error.code], [null, 406, "PGRST116"]);
    const many = await db.from("clients").select("name").in("id", [1, 2]).maybeSingle();
    assert.deepEqual([many.data, many.error.code], [null, "PGRST116"]);
  });
}
