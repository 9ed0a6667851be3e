// The CRM (Express, Prisma) as the suites need it: how it starts, who is in it, what is asked and what is written.
//
// Numbers of rows are those of its generator at the small scale: four users, the first of whom administers;
// organization o belongs to user 1 + (o - 1) % 4, module m to organization 1 + (m - 1) % 8.

import { fileURLToPath } from "node:url";

import { Service } from "./services.js";

const directory = fileURLToPath(new URL("../../examples/crm-express", import.meta.url));

/** Signs in at the app itself; the cookie is good for whoever brings it. */
async function credentials(client, n) {
  const answer = await client.send({
    method: "POST",
    path: "/api/login",
    json: { email: `user${n}@crm.example`, password: `secret-${n}` },
  });
  const cookie = answer.headers["set-cookie"]?.[0].split(";")[0];
  if (!cookie) throw new Error(`signing in as user ${n}: ${answer.status} ${answer.text}`);
  // Beside the session, what real pages leave in every browser.
  return { cookie: `theme=dark; ${cookie}; seen=1` };
}

const sid = ({ cookie }) => /sid=([^;]+)/.exec(cookie)[1];

const contact = (organization, k) =>
  `insert into contacts (organization_id, name, email) values (${organization}, 'New ${k}', 'new${k}@customer.example')`;

export const crm = {
  name: "crm-express",
  database: "crm",
  directory,
  scales: { test: ["crm.contacts", "400"], full: ["crm.contacts", "40000"] },
  upstream: "http://127.0.0.1:8001",
  courantEnvironment: {},

  start({ port, databaseUri }) {
    const env = { ...process.env, DATABASE_URL: databaseUri, PORT: String(port) };
    return new Service("the CRM", process.execPath, ["src/server.js"], { cwd: directory, env });
  },

  /** The request that a line of the app's own access log is about. */
  logged: (line) => /^([A-Z]+ \/\S*) \d{3} /.exec(line)?.[1],

  credentials,
  users: [1, 2, 3, 4],

  /** Compared one by one: the same status, body and headers. `mask` names what is new each time. */
  cases: [
    { path: "/health" },
    { path: "/" },
    { path: "/index.html", method: "HEAD" },
    { path: "/api/nowhere" },
    { path: "/api/organizations" },
    { path: "/api/organizations", user: 1 },
    { path: "/api/organizations", user: 2 },
    { path: "/api/organizations", user: 2, method: "HEAD" },
    { path: "/api/organizations", headers: { cookie: "sid=somebody-elses" } },
    { path: "/api/organizations/2", user: 2 },
    { path: "/api/organizations/2", user: 3 },
    { path: "/api/organizations/02", user: 2 },
    { path: "/api/organizations/2e0", user: 2 },
    { path: "/api/organizations/%32", user: 2 },
    { path: "/api/organizations/two", user: 2 },
    { path: "/api/organizations/9999", user: 2 },
    { path: "/api/organizations/2/modules", user: 2 },
    { path: "/api/organizations/2/modules/", user: 2 },
    { path: "/api/organizations/2/modules", user: 3 },
    { path: "/admin/stats" },
    { path: "/admin/stats", user: 1 },
    { path: "/admin/stats", user: 2 },
    { path: "/api/login", method: "POST", json: { email: "user2@crm.example", password: "secret-2" } },
    { path: "/api/login", method: "POST", json: { email: "user2@crm.example", password: "secret-3" } },
    { path: "/api/login", method: "POST", json: {} },
    { path: "/api/login", method: "POST", body: "{", headers: { "content-type": "application/json" } },
    { path: "/api/logout", method: "POST" },
    { path: "/api/modules/2", user: 2, method: "PATCH", json: { seats: 7 } },
    { path: "/api/modules/2", user: 2, method: "PATCH", json: { seats: -7 } },
    { path: "/api/modules/2", user: 3, method: "PATCH", json: { seats: 8 } },
    { path: "/api/modules/999999", user: 2, method: "PATCH", json: { seats: 8 } },
    {
      path: "/api/organizations",
      user: 4,
      method: "POST",
      json: { name: "Café Zürich" },
      mask: ["id", "createdAt", "location"],
    },
    { path: "/api/organizations", user: 4, method: "POST", json: { name: " " } },
  ],

  /** What must stay fresh: paths as the routes declare them, and the same rows spelt otherwise. */
  reads: [
    { user: 1, path: "/api/organizations" },
    { user: 1, path: "/api/organizations/2" },
    { user: 1, path: "/admin/stats" },
    { user: 2, path: "/api/organizations" },
    { user: 2, path: "/api/organizations/2" },
    { user: 2, path: "/api/organizations/02" },
    { user: 2, path: "/api/organizations/2e0" },
    { user: 2, path: "/api/organizations/%32" },
    { user: 2, path: "/api/organizations/2/modules" },
    { user: 2, path: "/api/organizations/0x2/modules" },
    { user: 2, path: "/admin/stats" },
    { user: 3, path: "/api/organizations" },
    { user: 3, path: "/api/organizations/2" },
    { user: 3, path: "/api/organizations/2/modules" },
  ],

  /** Ways the same data changes: by a request to the app, or by SQL beside it; `undo` is the next write. */
  writes: [
    (k) => ({
      name: "seats set",
      request: { user: 2, method: "PATCH", path: "/api/modules/2", json: { seats: 1 + k } },
    }),
    (k) => ({
      name: "module switched",
      request: { user: 2, method: "PATCH", path: "/api/modules/10", json: { active: k % 2 === 0 } },
    }),
    (k) => ({
      name: "organization made",
      request: { user: 3, method: "POST", path: "/api/organizations", json: { name: `New ${k}` } },
    }),
    (k) => ({ name: "contact inserted", sql: contact(2, k) }),
    () => ({
      name: "contact deleted",
      sql: "delete from contacts where id = (select max(id) from contacts where organization_id = 2)",
    }),
    () => ({
      name: "module moved",
      sql: "update modules set organization_id = 3 where id = 18",
      undo: "update modules set organization_id = 2 where id = 18",
    }),
    (k) => ({
      name: "organization renamed",
      sql: `update organizations set name = 'Organization ${k}' where id = 2`,
    }),
    () => ({
      name: "membership taken away",
      sql: "delete from memberships where user_id = 2 and organization_id = 2",
      undo: "insert into memberships (user_id, organization_id) values (2, 2)",
    }),
    () => ({
      name: "membership given",
      sql: "insert into memberships (user_id, organization_id) values (3, 2)",
      undo: "delete from memberships where user_id = 3 and organization_id = 2",
    }),
    () => ({
      name: "administrator made",
      sql: "update users set admin = true where id = 2",
      undo: "update users set admin = false where id = 2",
    }),
    () => ({
      name: "session expired",
      sql: "update sessions set expires_at = expires_at - interval '2 days' where user_id = 2",
      undo: "update sessions set expires_at = expires_at + interval '2 days' where user_id = 2",
    }),
    (k, signedIn) => ({
      name: "session deleted",
      sql: `delete from sessions where sid = '${sid(signedIn[2])}'`,
      undo: `insert into sessions (sid, user_id, expires_at) values ('${sid(signedIn[2])}', 2, now() + interval '1 day')`,
    }),
    (k) => ({
      name: "two tables at once",
      sql: `${contact(2, k)}; update modules set seats = ${1 + k} where organization_id = 2`,
    }),
    (k) => ({ name: "another organization's contact", sql: contact(4, k) }),
    (k) => ({ name: "rolled back", sql: `begin; ${contact(2, k)}; rollback` }),
  ],

  /** Something that is only ever added to, and where its number is read. */
  ledger: {
    request: (k) => ({ user: 4, method: "POST", path: "/api/organizations", json: { name: `Ledger ${k}` } }),
    sql: (k) => `insert into organizations (name) values ('Ledger ${k}')`,
    readers: [
      { user: 1, path: "/admin/stats", count: (answer) => answer.json().organizations },
      { user: 1, path: "/api/organizations", count: (answer) => answer.json().length },
    ],
  },

  /** Where a session is refused once it has ended, and what ends it. */
  signingOut: { path: "/api/organizations/2", request: { method: "POST", path: "/api/logout" }, status: 204 },
  /** Suites that it has no part in. */
  without: ["assistant"],
  /** What users ask for while `courant init` watches, and the routes that it must then propose as they are declared. */
  watched: [2, 3].flatMap((user) => {
    const rows = [user, user + 4].map((id) => `/api/organizations/${id}`);
    const paths = ["/api/organizations", ...rows, ...rows.map((row) => `${row}/modules`)];
    return paths.map((path) => ({ user, path }));
  }),
  proposed: ["/api/organizations", "/api/organizations/{id}", "/api/organizations/{id}/modules"],

  collapsing: ["/api/organizations", "/api/organizations/2/modules"],
  conditional: {
    user: 2,
    path: "/api/organizations/2",
    change: (k) => `update organizations set name = 'Condition ${k}' where id = 2`,
  },
  // The page of whoever runs it all: every organization.
  measured: [{ user: 1, path: "/api/organizations", report: "288 → 30 ms", factor: 9.6 }],
};
