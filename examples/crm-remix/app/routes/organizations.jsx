// The list of organizations with their figures, each counted by two queries of its own; and a new one.

import { Form, Link, data, redirect } from "react-router";

import { row, rows } from "../database.server.js";
import { signedIn } from "../sessions.server.js";

export async function loader({ request }) {
  const user = await signedIn(request);
  const visible = user.admin
    ? await rows("select id, name, plan from organizations order by id")
    : await rows(
        `select o.id, o.name, o.plan from organizations o join memberships m on m.organization_id = o.id
         where m.user_id = $1 order by o.id`,
        [user.id],
      );
  return { organizations: await Promise.all(visible.map(withFigures)) };
}

export async function action({ request }) {
  const user = await signedIn(request);
  const name = String((await request.formData()).get("name") ?? "").trim();
  if (!name) return data("name is required", { status: 422 });
  const { id } = await row(
    `with made as (insert into organizations (name) values ($1) returning id),
     joined as (insert into memberships select $2, id from made)
     select id from made`,
    [name, user.id],
  );
  return redirect(`/organizations/${id}`);
}

async function withFigures(organization) {
  const modules = await row("select count(*)::int from modules where organization_id = $1 and active", [organization.id]);
  const contacts = await row("select count(*)::int from contacts where organization_id = $1", [organization.id]);
  return { ...organization, activeModules: modules.count, contacts: contacts.count };
}

export default function Organizations({ loaderData, actionData }) {
  return (
    <main>
      <ul>
        {loaderData.organizations.map(({ id, name, activeModules, contacts }) => (
          <li key={id}>
            <Link to={`/organizations/${id}`}>{name}</Link>: {activeModules} modules, {contacts} contacts
          </li>
        ))}
      </ul>
      <Form method="post">
        {actionData}
        <input name="name" />
        <button>New</button>
      </Form>
    </main>
  );
}
