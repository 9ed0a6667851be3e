// Every case asked of the app itself and through Courant: the same status, body and headers, miss and hit alike.

import { Difference, expect, parting } from "../report.js";

/** Headers that mean something to a client; what the app does not send, Courant may. */
const COMPARED = [
  "content-type",
  "location",
  "www-authenticate",
  "allow",
  "cache-control",
  "set-cookie",
  "last-modified",
];

export async function sameness({ app, direct, through, signedIn, report, service }) {
  for (const asked of app.cases) {
    const name = `${asked.method ?? "GET"} ${asked.path}${asked.user ? ` as user ${asked.user}` : ""}`;
    await report.check(app.name, "sameness", name, async () => {
      const expected = await ask(direct, asked, signedIn);
      expect(expected.status < 500, () => `the app itself answers ${expected.status}: ${service.lines.at(-1)}`);
      const writes = !["GET", "HEAD", undefined].includes(asked.method);
      // The second is answered from the cache, where it may be.
      const times = writes ? 1 : 2;
      for (let time = 1; time <= times; time += 1) {
        compare(expected, await ask(through, asked, signedIn), asked, time);
      }
      if (!writes) {
        const compressed = await ask(through, asked, signedIn, { "accept-encoding": "gzip" });
        compare(expected, compressed, asked, "with Accept-Encoding: gzip");
      }
      return `${expected.status}, ${expected.text.length} characters`;
    });
  }
}

/** What is answered; where the place that was asked names itself (a redirect does), that is taken out. */
async function ask(client, { method = "GET", path, user, headers, json, body }, signedIn, more = {}) {
  const answer = await client.send({ method, path, json, body, headers: { ...signedIn[user], ...headers, ...more } });
  const location = answer.headers.location?.replace(client.base, "(here)");
  return { ...answer, headers: { ...answer.headers, location } };
}

function compare(expected, found, { mask = [] }, time) {
  const which = typeof time === "number" ? `(answer ${time} through Courant)` : `(${time})`;
  expect(
    expected.status === found.status,
    () => `${which} the app says ${expected.status}, through Courant ${found.status}: ${found.text.slice(0, 200)}`,
  );
  const [wanted, text] = [expected, found].map(({ text }) => masked(text, mask));
  expect(wanted === text, () => `${which} body: ${parting(wanted, text)}`);
  const policy = found.headers["content-security-policy"];
  const forbids =
    policy && policy !== expected.headers["content-security-policy"] && !policy.includes("'unsafe-inline'");
  expect(!(forbids && text.includes("<script")), () => `${which} the page's own scripts are forbidden: ${policy}`);
  for (const name of COMPARED) {
    const wanted = header(expected, name, mask);
    if (wanted === undefined) continue;
    const got = header(found, name, mask);
    if (wanted !== got) throw new Difference(`${which} ${name}: the app says ${wanted}, through Courant ${got}`);
  }
}

function masked(text, names) {
  const field = (name) => new RegExp(`("${name}": ?)("[^"]*"|[^,}\\]]*)`, "g");
  return names.reduce((left, name) => left.replaceAll(field(name), "$1…"), text);
}

/** A header's value without what is new each time. */
function header({ headers }, name, mask) {
  const value = [headers[name] ?? []].flat().join("\n");
  if (value === "") return undefined;
  if (mask.includes(name)) return "…";
  if (name !== "set-cookie") return value;
  return value.replaceAll(/=[0-9a-f]{16,}/g, "=…").replaceAll(/Expires=[^;]+/g, "Expires=…");
}
