// Signing out.

import { redirect } from "react-router";

import { signOut } from "../sessions.server.js";

export async function action({ request }) {
  return redirect("/", { headers: { "Set-Cookie": await signOut(request) } });
}
