// The clients are installed, and there is a binary to talk to.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { createClient } from "@supabase/supabase-js";

test("the client and the binary are there", () => {
  const client = createClient("http://127.0.0.1:3000", "a key");
  assert.equal(typeof client.from("leads").select, "function");
  const printed = execFileSync(process.env.COURANT_BIN, ["--version"], { encoding: "utf8" });
  assert.match(printed, /^courant \d/);
});
