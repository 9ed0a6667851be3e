// Switching a module on or off, and how many seats it has.

import { Router } from "express";

import { database } from "./database.js";
import { signedIn } from "./sessions.js";

export const modules = Router();

modules.patch("/api/modules/:id", signedIn, async (request, response) => {
  const id = Number(request.params.id);
  const { active, seats } = request.body ?? {};
  const valid =
    Number.isInteger(id) &&
    (active === undefined || typeof active === "boolean") &&
    (seats === undefined || (Number.isInteger(seats) && seats > 0));
  if (!valid) return response.status(422).json({ error: "active is true or false, seats a whole number" });
  const members = request.user.admin ? {} : { memberships: { some: { userId: request.user.id } } };
  const found = await database.module.findFirst({ where: { id, organization: members } });
  if (!found) return response.status(404).json({ error: "module not found" });
  response.json(await database.module.update({ where: { id }, data: { active, seats } }));
});
