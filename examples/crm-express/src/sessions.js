// Signing in and out, and who is signed in: a cookie whose value is a row of `sessions`.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

import { Router } from "express";

import { database } from "./database.js";

const LIFETIME_MS = 24 * 3600 * 1000;
const COOKIE = { httpOnly: true, sameSite: "lax", path: "/" };

export const sessions = Router();

sessions.post("/api/login", async (request, response) => {
  const { email, password } = request.body ?? {};
  if (typeof email !== "string" || typeof password !== "string") {
    return response.status(422).json({ error: "email and password are required" });
  }
  const user = await database.user.findUnique({ where: { email } });
  const digest = createHash("sha256").update(`${user?.passwordSalt}${password}`).digest();
  if (!user || !timingSafeEqual(digest, Buffer.from(user.passwordHash, "hex"))) {
    return response.status(401).json({ error: "wrong email or password" });
  }
  const sid = randomBytes(24).toString("hex");
  const expiresAt = new Date(Date.now() + LIFETIME_MS);
  await database.session.create({ data: { sid, userId: user.id, expiresAt } });
  response.cookie("sid", sid, { ...COOKIE, maxAge: LIFETIME_MS });
  response.json({ id: user.id, name: user.name, admin: user.admin });
});

sessions.post("/api/logout", async (request, response) => {
  await database.session.deleteMany({ where: { sid: request.cookies.sid ?? "" } });
  response.clearCookie("sid", COOKIE).status(204).end();
});

/** Lets a request through that belongs to somebody, with the user in `request.user`. */
export async function signedIn(request, response, next) {
  const { sid } = request.cookies;
  const session = sid && (await database.session.findUnique({ where: { sid }, include: { user: true } }));
  if (!session || session.expiresAt < new Date()) {
    return response.status(401).json({ error: "sign in first" });
  }
  request.user = session.user;
  next();
}

/** Lets administrators through; stands behind `signedIn`. */
export function administrator(request, response, next) {
  if (!request.user.admin) return response.status(403).json({ error: "administrators only" });
  next();
}
