// One organization and its modules; a form that switches one on or off.

import { Form, data } from "react-router";

import { row, rows } from "../database.server.js";
import { signedIn } from "../sessions.server.js";

export async function loader({ request, params }) {
  const organization = await owned(await signedIn(request), params.id);
  const modules = await rows("select id, name, active, seats from modules where organization_id = $1 order by id", [
    organization.id,
  ]);
  return { organization, modules };
}

export async function action({ request, params }) {
  const organization = await owned(await signedIn(request), params.id);
  const form = await request.formData();
  const id = Number(form.get("module"));
  if (!Number.isInteger(id)) return data("module must be a whole number", { status: 422 });
  await rows("update modules set active = $3 where id = $1 and organization_id = $2", [
    id,
    organization.id,
    form.get("active") === "on",
  ]);
  return null;
}

/** The organization that the path names, if the user may see it; else 404. */
async function owned(user, text) {
  const id = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  const found = await row(
    `select o.id, o.name, o.plan from organizations o
     where o.id = $1 and ($2 or exists (select from memberships m where m.organization_id = o.id and m.user_id = $3))`,
    [id, user.admin, user.id],
  );
  if (!found) throw data("organization not found", { status: 404 });
  return found;
}

export default function Organization({ loaderData: { organization, modules } }) {
  return (
    <main>
      <h1>{organization.name}</h1>
      {modules.map(({ id, name, active, seats }) => (
        <Form method="post" key={id}>
          <input type="hidden" name="module" value={id} />
          <input type="checkbox" name="active" defaultChecked={active} /> {name}, {seats} seats <button>Save</button>
        </Form>
      ))}
    </main>
  );
}
