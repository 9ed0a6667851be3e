// The administrators' page of figures.

import { Router } from "express";

import { database } from "./database.js";
import { administrator, signedIn } from "./sessions.js";

export const admin = Router();

admin.get("/admin/stats", signedIn, administrator, async (request, response) => {
  const [organizations, users, contacts, activeModules, seats, plans] = await Promise.all([
    database.organization.count(),
    database.user.count(),
    database.contact.count(),
    database.module.count({ where: { active: true } }),
    database.module.aggregate({ _sum: { seats: true }, where: { active: true } }),
    database.organization.groupBy({ by: ["plan"], _count: true, orderBy: { plan: "asc" } }),
  ]);
  const byPlan = Object.fromEntries(plans.map(({ plan, _count }) => [plan, _count]));
  response.json({ organizations, users, contacts, activeModules, seats: seats._sum.seats ?? 0, byPlan });
});
