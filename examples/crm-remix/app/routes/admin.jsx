// The administrators' page of figures.

import { data } from "react-router";

import { row } from "../database.server.js";
import { signedIn } from "../sessions.server.js";

export async function loader({ request }) {
  const user = await signedIn(request);
  if (!user.admin) throw data("administrators only", { status: 403 });
  return row(
    `select (select count(*)::int from organizations) as organizations, (select count(*)::int from users) as users,
       (select count(*)::int from contacts) as contacts, (select count(*)::int from modules where active) as modules`,
  );
}

export default function Admin({ loaderData }) {
  return (
    <dl>
      {Object.entries(loaderData).map(([name, count]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{count}</dd>
        </div>
      ))}
    </dl>
  );
}
