// Organizations: the list with its figures, one of them, its modules, and a new one.

import { Router } from "express";

import { database } from "./database.js";
import { signedIn } from "./sessions.js";

const FIRST_MODULES = ["Contacts", "Calendar", "Invoices"];

export const organizations = Router();

organizations.get("/api/organizations", signedIn, async (request, response) => {
  const visible = request.user.admin ? {} : { memberships: { some: { userId: request.user.id } } };
  const found = await database.organization.findMany({ where: visible, orderBy: { id: "asc" } });
  response.json(await Promise.all(found.map(withFigures)));
});

organizations.get("/api/organizations/:id", signedIn, async (request, response) => {
  const found = await owned(request, response);
  if (found) response.json(await withFigures(found));
});

organizations.get("/api/organizations/:id/modules", signedIn, async (request, response) => {
  const found = await owned(request, response);
  if (!found) return;
  response.json(await database.module.findMany({ where: { organizationId: found.id }, orderBy: { id: "asc" } }));
});

organizations.post("/api/organizations", signedIn, async (request, response) => {
  const name = request.body?.name;
  if (typeof name !== "string" || name.trim() === "") {
    return response.status(422).json({ error: "name is required" });
  }
  const made = await database.organization.create({
    data: {
      name: name.trim(),
      modules: { create: FIRST_MODULES.map((module) => ({ name: module })) },
      memberships: { create: { userId: request.user.id } },
    },
  });
  response
    .status(201)
    .location(`/api/organizations/${made.id}`)
    .json(await withFigures(made));
});

/** The organization that the path names, if the user may see it; else the response is sent. */
async function owned(request, response) {
  const id = Number(request.params.id);
  if (!Number.isInteger(id) || id > 2 ** 31 - 1) {
    response.status(422).json({ error: "id must be a whole number" });
    return null;
  }
  const organization = await database.organization.findUnique({ where: { id } });
  const membership =
    request.user.admin ||
    (await database.membership.findFirst({ where: { organizationId: id, userId: request.user.id } }));
  if (!organization || !membership) {
    response.status(404).json({ error: "organization not found" });
    return null;
  }
  return organization;
}

async function withFigures(organization) {
  const organizationId = organization.id;
  const activeModules = await database.module.count({ where: { organizationId, active: true } });
  const contacts = await database.contact.count({ where: { organizationId } });
  return { ...organization, activeModules, contacts };
}
