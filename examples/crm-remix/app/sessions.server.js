// Signing in, and who is signed in: a cookie whose value is a row of `sessions`, as in the Express app.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

import { createCookie, data } from "react-router";

import { row, rows } from "./database.server.js";

const LIFETIME_S = 24 * 3600;
const cookie = createCookie("__session", { httpOnly: true, sameSite: "lax", path: "/", maxAge: LIFETIME_S });

/** The header that signs somebody in, or nothing. */
export async function signIn(email, password) {
  const user = await row("select * from users where email = $1", [String(email)]);
  const digest = createHash("sha256").update(`${user?.password_salt}${password}`).digest();
  if (!user || !timingSafeEqual(digest, Buffer.from(user.password_hash, "hex"))) return null;
  const sid = randomBytes(24).toString("hex");
  const lifetime = `${LIFETIME_S} seconds`;
  await rows("insert into sessions values ($1, $2, now() + $3::interval)", [sid, user.id, lifetime]);
  return cookie.serialize(sid);
}

/** Ends the request's session; the header that forgets it. */
export async function signOut(request) {
  await rows("delete from sessions where sid = $1", [await sidOf(request)]);
  return cookie.serialize("", { maxAge: 0 });
}

/** Who asks; nobody is answered 401. */
export async function signedIn(request) {
  const user = await row(
    `select u.id, u.name, u.admin from sessions s join users u on u.id = s.user_id
     where s.sid = $1 and s.expires_at > now()`,
    [await sidOf(request)],
  );
  if (!user) throw data("sign in first", { status: 401 });
  return user;
}

async function sidOf(request) {
  return String((await cookie.parse(request.headers.get("cookie"))) ?? "");
}
