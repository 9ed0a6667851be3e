// supabase-js against a served database, unchanged and unaware.
//
// One node for all suites; each leaves the rows of `schema.sql` as they were.

import { after, before, describe } from "node:test";

import { calls } from "./suites/calls.js";
import { embeds } from "./suites/embeds.js";
import { errors } from "./suites/errors.js";
import { freshness } from "./suites/freshness.js";
import { isolation } from "./suites/isolation.js";
import { reads } from "./suites/reads.js";
import { writes } from "./suites/writes.js";
import { start } from "./node.js";

describe("supabase-js", () => {
  const node = {};
  before(async () => Object.assign(node, await start()));
  after(() => node.stop?.());

  describe("reads", () => reads(node));
  describe("embeds", () => embeds(node));
  describe("calls functions", () => calls(node));
  describe("is told of errors", () => errors(node));
  describe("writes", () => writes(node));
  describe("is told apart by its token", () => isolation(node));
  describe("is answered from a cache that is never old", () => freshness(node));
});
