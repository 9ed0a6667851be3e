// Related rows: one, many, through a junction, nested; filtered, ordered and limited where they stand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { data } from "../node.js";

export function embeds(node) {
  const from = (table) => node.client().db.from(table);

  test("the one that a row refers to", async () => {
    const asked = from("jobs").select("title, clients(name)").eq("id", 3).single();
    assert.deepEqual(await data(asked), { title: "boiler", clients: { name: "Beaulieu" } });
  });

  test("the many that refer to a row, under another name, in an order of their own", async () => {
    const asked = from("clients").select("name, work:jobs(title)").in("id", [1, 4]).order("id");
    const ordered = asked.order("hours", { referencedTable: "work" });
    const expected = [
      { name: "Aubin", work: [{ title: "gutter" }, { title: "roof" }] },
      { name: "Désy", work: [] },
    ];
    assert.deepEqual(await data(ordered), expected);
    const limited = from("clients").select("jobs(title)").eq("id", 1).order("hours", { referencedTable: "jobs" });
    assert.deepEqual(await data(limited.limit(1, { referencedTable: "jobs" })), [{ jobs: [{ title: "gutter" }] }]);
  });

  test("many to many, through the junction", async () => {
    const asked = from("jobs").select("id, tags(name)").order("id").order("name", { referencedTable: "tags" });
    const tagged = (id, ...names) => ({ id, tags: names.map((name) => ({ name })) });
    const expected = [tagged(1, "outside", "urgent"), tagged(2, "outside"), tagged(3, "heating", "urgent")];
    assert.deepEqual(await data(asked), expected);
  });

  test("nested", async () => {
    const asked = from("clients").select("name, jobs(title, tags(name), clients(city))").eq("id", 2).single();
    const expected = {
      name: "Beaulieu",
      jobs: [{ title: "boiler", tags: [{ name: "urgent" }, { name: "heating" }], clients: { city: "Montréal" } }],
    };
    const nested = asked.order("id", { referencedTable: "jobs.tags" });
    assert.deepEqual(await data(nested), expected);
  });

  test("a filter on what is embedded leaves the rows, or with !inner takes them away", async () => {
    const clients = (select) => from("clients").select(select).lte("id", 3).gt("jobs.hours", 4).order("id");
    assert.deepEqual(await data(clients("id, jobs(title)")), [
      { id: 1, jobs: [{ title: "roof" }] },
      { id: 2, jobs: [{ title: "boiler" }] },
      { id: 3, jobs: [] },
    ]);
    assert.deepEqual((await data(clients("id, jobs!inner(title)"))).map((row) => row.id), [1, 2]);
    const local = from("jobs").select("id, clients!inner(city)").eq("clients.city", "Québec").order("id");
    assert.deepEqual(await data(local), [
      { id: 1, clients: { city: "Québec" } },
      { id: 2, clients: { city: "Québec" } },
    ]);
    const urgent = from("jobs").select("id, tags!inner()").eq("tags.name", "urgent").order("id");
    assert.deepEqual(await data(urgent), [{ id: 1 }, { id: 3 }]);
  });

  test("a relationship named by its constraint, its column, or spread", async () => {
    const asked = (select) => data(from("jobs").select(select).eq("id", 1).single());
    assert.deepEqual(await asked("clients!jobs_client_id_fkey(id)"), { clients: { id: 1 } });
    assert.deepEqual(await asked("payer:client_id(id)"), { payer: { id: 1 } });
    assert.deepEqual(await asked("id, ...clients(client:name)"), { id: 1, client: "Aubin" });
  });
}
