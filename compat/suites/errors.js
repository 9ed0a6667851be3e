// What an app is told when it may not, or cannot: the code, the message and the status that PostgREST gives.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient, PostgrestError } from "@supabase/supabase-js";

import { ANON_KEY } from "../node.js";

const USER = "00000000-0000-4000-8000-00000000000e";

const job = (db, row) => db.from("jobs").insert({ client_id: 1, title: "", ...row });

/** What is asked, and the status, the code and the message that it is answered with. */
const REFUSED = [
  ["a table that is not there", (db) => db.from("nothing").select(), 404, "PGRST205", /public\.nothing/],
  ["a column that is not there", (db) => db.from("tags").select("nothing"), 400, "42703", /tags\.nothing/],
  ["a relationship that is not there", (db) => db.from("clients").select("tags(*)"), 400, "PGRST200", /'tags'/],
  ["a function that is not there", (db) => db.rpc("nothing"), 404, "PGRST202", /public\.nothing/],
  ["a value that is no number", (db) => db.from("tags").select().eq("id", "x"), 400, "22P02", /type bigint: "x"/],
  ["a unique name taken", (db) => db.from("clients").insert({ name: "Aubin" }), 409, "23505", /clients_name_key/],
  ["a client that is not there", (db) => job(db, { client_id: 0 }), 409, "23503", /foreign key/],
  ["a check", (db) => job(db, { hours: -1 }), 400, "23514", /check constraint/],
  ["a missing value", (db) => job(db, { title: null }), 400, "23502", /"title"/],
  ["a policy", (db) => job(db, { owner: null }), 403, "42501", /row-level security/],
  ["a privilege", (db) => db.from("tags").insert({ id: 9, name: "new" }), 403, "42501", /for table tags/],
  ["an exception that the function raises", (db) => db.rpc("refuse"), 400, "P0001", /^not today$/],
];

export function errors(node) {
  for (const [name, ask, status, code, message] of REFUSED) {
    test(`of ${name}`, async () => {
      const answer = await ask(node.client(USER).db);
      assert.deepEqual([answer.data, answer.status, answer.error?.code], [null, status, code], JSON.stringify(answer));
      assert.match(answer.error.message, message);
    });
  }

  test("with details and hint, thrown where the app asks for that", async () => {
    const { db } = node.client(USER);
    const { error } = await db.rpc("refuse");
    assert.deepEqual([error.details, error.hint], ["it is a holiday", "come tomorrow"]);
    await assert.rejects(async () => db.rpc("refuse").throwOnError(), PostgrestError);
  });

  test("of an anonymous write, as unauthorized", async () => {
    const { db } = node.client();
    const answer = await db.from("clients").insert({ name: "nobody" });
    assert.deepEqual([answer.status, answer.error.code], [401, "42501"]);
  });

  test("of a key that somebody else signed", async () => {
    const [head, claims] = ANON_KEY.split(".");
    const db = createClient(node.url, `${head}.${claims}.${Buffer.alloc(32).toString("base64url")}`);
    const answer = await db.from("tags").select();
    assert.deepEqual([answer.status, answer.error.code], [401, "PGRST301"]);
  });
}
