// What the reports measured, measured here: the median time of a page direct and through Courant.
//
// One client, one request at a time, after a first one of each: through Courant these are hits, and say so.

const ROUNDS = 40;

export async function measure({ app, direct, through, signedIn, cached }) {
  const rows = [];
  for (const { user, path, report, factor } of app.measured) {
    const before = await median(direct, path, signedIn[user]);
    const after = cached ? await median(through, path, signedIn[user]) : undefined;
    rows.push({
      app: app.name,
      path,
      direct_p50_ms: before.p50,
      first_through_ms: after?.first,
      through_p50_ms: after?.p50,
      hits: after && `${after.hits}/${ROUNDS}`,
      factor: after && before.p50 / after.p50,
      report_factor: factor,
      report,
    });
  }
  return rows;
}

async function median(client, path, headers) {
  const times = [];
  let hits = 0;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const began = performance.now();
    const { status, hit } = await client.get(path, headers);
    if (status !== 200) throw new Error(`${path} was answered ${status}`);
    times.push(performance.now() - began);
    if (round > 0) hits += hit;
  }
  const [first, ...rest] = times;
  return { first, p50: rest.sort((a, b) => a - b)[ROUNDS / 2], hits };
}

export function printed(rows) {
  const number = (value, digits) => (value === undefined ? "–" : value.toFixed(digits));
  const cells = rows.map((row) => [
    row.path,
    number(row.direct_p50_ms, 1),
    number(row.first_through_ms, 1),
    number(row.through_p50_ms, 2),
    row.hits ?? "–",
    row.factor === undefined ? "–" : `${number(row.factor, 1)} ×`,
    `${row.report_factor} ×`,
    row.report,
  ]);
  const head = [
    "page",
    "direct p50 ms",
    "first through ms",
    "through p50 ms",
    "hits",
    "factor",
    "reports",
    "reports' figures",
  ];
  const table = [head, ...cells];
  const widths = head.map((_, at) => Math.max(...table.map((row) => row[at].length)));
  return table
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
