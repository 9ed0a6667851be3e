// Validators: a reader that has the current answer is told so without it, and gets the next one after a change.

import { expect } from "../report.js";
import { BOUND_MS } from "./freshness.js";

export async function conditional(run) {
  const { app, through, signedIn, report, postgres, cached } = run;
  const { user, path, change } = app.conditional;
  const get = (headers) => through.get(path, { ...signedIn[user], ...headers });
  const first = await get();
  if (!first.headers.etag && !cached) {
    return report.skip(app.name, "conditional", path, "the app sends no ETag by itself");
  }
  await report.check(app.name, "conditional", `${path}: 304 while nothing changes`, async () => {
    expect(first.status === 200 && first.headers.etag, `no ETag with the answer (${first.status})`);
    for (const tag of [first.headers.etag, `"another", ${first.headers.etag}`, "*"]) {
      const again = await get({ "if-none-match": tag });
      expect(again.status === 304, `If-None-Match: ${tag} was answered ${again.status}`);
      expect(again.bytes === 0, `the 304 has a body of ${again.bytes} bytes`);
      expect(again.headers.etag === first.headers.etag, `the 304 has the tag ${again.headers.etag}`);
    }
    const other = await get({ "if-none-match": '"another"' });
    expect(
      other.status === 200 && other.text === first.text,
      `If-None-Match of another was answered ${other.status}`,
    );
  });
  await report.check(app.name, "conditional", `${path}: the next answer after a change`, async () => {
    expect(first.headers.etag, "no ETag to come back with");
    await postgres.outside(app.database, change(Date.now()));
    const acknowledged = performance.now();
    let began;
    let again;
    do {
      began = performance.now();
      again = await get({ "if-none-match": first.headers.etag });
    } while (again.status === 304 && began - acknowledged <= BOUND_MS);
    expect(
      again.status === 200,
      `still ${again.status}, asked ${Math.round(began - acknowledged)} ms after the change`,
    );
    expect(again.text !== first.text, "200 with the answer from before the change");
    expect(again.headers.etag !== first.headers.etag, "a changed answer has the same tag");
    return `after ${Math.round(began - acknowledged)} ms`;
  });
}
