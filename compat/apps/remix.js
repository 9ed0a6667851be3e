// The CRM in Remix (React Router's framework mode) as the suites need it. Its rows are those of the Express app.
//
// A page is asked for as a document and, as the browser does once it is there, as its loaders' data (`.data`).

import { fileURLToPath } from "node:url";

import { Service } from "./services.js";

const directory = fileURLToPath(new URL("../../examples/crm-remix", import.meta.url));
const data = fileURLToPath(new URL("../../examples/crm-express", import.meta.url));

/** A form as the browser sends it. */
const form = (path, fields) => ({
  method: "POST",
  path,
  body: new URLSearchParams(fields).toString(),
  headers: { "content-type": "application/x-www-form-urlencoded" },
});

const login = (n, password = `secret-${n}`) => form("/login.data", { email: `user${n}@crm.example`, password });

async function credentials(client, n) {
  const answer = await client.send(login(n));
  const cookie = answer.headers["set-cookie"]?.[0].split(";")[0];
  if (!cookie) throw new Error(`signing in as user ${n}: ${answer.status} ${answer.text}`);
  return { cookie: `theme=dark; ${cookie}; seen=1` };
}

const contact = (organization, k) =>
  `insert into contacts (organization_id, name, email) values (${organization}, 'New ${k}', 'new${k}@customer.example')`;

/** A figure of the page of figures, as it is in the document. */
const figure = (name) => (answer) => Number(new RegExp(`<dt>${name}</dt><dd>(\\d+)</dd>`).exec(answer.text)[1]);

export const remix = {
  name: "crm-remix",
  database: "crm_remix",
  directory,
  data,
  scales: { test: ["crm.contacts", "400"], full: ["crm.contacts", "40000"] },
  upstream: "http://127.0.0.1:8002",
  courantEnvironment: {},

  start({ port, databaseUri }) {
    const own = { DATABASE_URL: databaseUri, PORT: String(port), HOST: "127.0.0.1", NODE_ENV: "production" };
    const args = ["node_modules/@react-router/serve/bin.js", "build/server/index.js"];
    return new Service("the Remix CRM", process.execPath, args, { cwd: directory, env: { ...process.env, ...own } });
  },

  /** The request that a line of the app's own access log is about. */
  logged: (line) => /^([A-Z]+ \/\S*) \d{3} /.exec(line)?.[1],

  credentials,
  users: [1, 2, 3, 4],

  cases: [
    { path: "/health" },
    { path: "/" },
    { path: "/nowhere" },
    { path: "/organizations" },
    { path: "/organizations.data" },
    { path: "/organizations", user: 1 },
    { path: "/organizations.data", user: 1 },
    { path: "/organizations", user: 2 },
    { path: "/organizations", user: 2, method: "HEAD" },
    { path: "/organizations.data", user: 2 },
    { path: "/organizations.data?_routes=routes%2Forganizations", user: 2 },
    { path: "/organizations.data", headers: { cookie: "__session=somebody-elses" } },
    { path: "/organizations/2", user: 2 },
    { path: "/organizations/2", user: 3 },
    { path: "/organizations/2.data", user: 2 },
    { path: "/organizations/2.data", user: 3 },
    { path: "/organizations/02.data", user: 2 },
    { path: "/organizations/%32.data", user: 2 },
    { path: "/organizations/two.data", user: 2 },
    { path: "/admin" },
    { path: "/admin", user: 1 },
    { path: "/admin", user: 2 },
    { path: "/admin.data", user: 1 },
    { path: "/admin.data", user: 2 },
    { ...login(2), mask: ["set-cookie"] },
    login(2, "secret-3"),
    { ...form("/organizations/2.data", { module: "2", active: "on" }), user: 2 },
    { ...form("/organizations/2.data", { module: "2", active: "on" }), user: 3 },
    { ...form("/organizations/2.data", { module: "two" }), user: 2 },
    { ...form("/organizations.data", { name: " " }), user: 4 },
  ],

  reads: [
    { user: 1, path: "/organizations" },
    { user: 1, path: "/organizations.data" },
    { user: 1, path: "/admin" },
    { user: 1, path: "/admin.data" },
    { user: 2, path: "/organizations" },
    { user: 2, path: "/organizations.data" },
    { user: 2, path: "/organizations/2" },
    { user: 2, path: "/organizations/2.data" },
    { user: 2, path: "/organizations/02.data" },
    { user: 2, path: "/organizations/%32.data" },
    { user: 2, path: "/admin.data" },
    { user: 3, path: "/organizations.data" },
    { user: 3, path: "/organizations/2.data" },
  ],

  writes: [
    (k) => ({
      name: "module switched",
      request: { user: 2, ...form("/organizations/2.data", { module: "2", active: k % 2 ? "on" : "off" }) },
    }),
    (k) => ({ name: "organization made", request: { user: 3, ...form("/organizations.data", { name: `New ${k}` }) } }),
    (k) => ({ name: "contact inserted", sql: contact(2, k) }),
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
      name: "administrator made",
      sql: "update users set admin = true where id = 2",
      undo: "update users set admin = false where id = 2",
    }),
    () => ({
      name: "sessions expired",
      sql: "update sessions set expires_at = expires_at - interval '2 days' where user_id = 2",
      undo: "update sessions set expires_at = expires_at + interval '2 days' where user_id = 2",
    }),
    (k) => ({ name: "rolled back", sql: `begin; ${contact(2, k)}; rollback` }),
  ],

  ledger: {
    request: (k) => ({ user: 4, ...form("/organizations.data", { name: `Ledger ${k}` }) }),
    sql: (k) => `insert into organizations (name) values ('Ledger ${k}')`,
    readers: [
      { user: 1, path: "/admin", count: figure("organizations") },
      { user: 1, path: "/organizations", count: (answer) => answer.text.split("<li>").length - 1 },
    ],
  },

  signingOut: { path: "/organizations/2.data", request: form("/logout.data", {}), status: 202 },
  // No model answers here; and what `init` proposes, the other two show.
  without: ["assistant", "proposal"],
  collapsing: ["/organizations", "/organizations/2.data"],
  conditional: {
    user: 2,
    path: "/organizations/2.data",
    change: (k) => `update organizations set name = 'Condition ${k}' where id = 2`,
  },
  measured: [
    { user: 1, path: "/organizations.data", report: "288 → 30 ms", factor: 9.6 },
    { user: 1, path: "/admin.data", report: "1220 → 600 ms", factor: 2.03 },
  ],
};
