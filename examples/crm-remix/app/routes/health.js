// Whether the database answers.

import { row } from "../database.server.js";

export async function loader() {
  await row("select 1");
  return Response.json({ status: "ok" });
}
