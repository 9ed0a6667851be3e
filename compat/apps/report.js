// What was looked at and what came out, as a table at the end.

const DETAIL_CHARACTERS = 300;

export class Report {
  rows = [];

  constructor(log = console.log) {
    this.log = log;
  }

  /** Notes one check: `problem` is empty where all was well, `note` says how much was looked at. */
  note(app, suite, check, problem, note = "") {
    const result = problem ? "FAILED" : "ok";
    this.rows.push({ app, suite, check, result, detail: problem || note });
    this.log(`${problem ? "✗" : "✓"} ${app} ${suite}: ${check}${problem ? `\n    ${problem}` : ""}`);
  }

  skip(app, suite, check, why) {
    this.rows.push({ app, suite, check, result: "skipped", detail: why });
  }

  /** Runs a check that returns a note and throws what is wrong. */
  async check(app, suite, check, work) {
    try {
      this.note(app, suite, check, "", (await work()) ?? "");
    } catch (error) {
      this.note(app, suite, check, error instanceof Difference ? error.message : (error.stack ?? String(error)));
    }
  }

  failed() {
    return this.rows.filter(({ result }) => result === "FAILED").length;
  }

  print() {
    const columns = ["result", "app", "suite", "check", "detail"];
    const cells = this.rows.map((row) => columns.map((name) => oneLine(row[name])));
    const widths = columns.map((name, at) => Math.max(name.length, ...cells.map((row) => row[at].length)));
    const line = (row) =>
      row
        .map((cell, at) => (at === 4 ? cell : cell.padEnd(widths[at])))
        .join("  ")
        .trimEnd();
    this.log(["", line(columns), ...cells.map(line), ""].join("\n"));
    const count = (wanted) => this.rows.filter(({ result }) => result === wanted).length;
    this.log(`${count("ok")} ok, ${count("FAILED")} failed, ${count("skipped")} skipped`);
  }
}

/** Something was not as it should be; the message says what, to somebody who did not see the run. */
export class Difference extends Error {}

/** Throws a difference unless this holds. */
export function expect(holds, message) {
  if (!holds) throw new Difference(typeof message === "function" ? message() : message);
}

/** Where two texts part, with some of what surrounds the place. */
export function parting(expected, found) {
  let at = 0;
  while (at < expected.length && expected[at] === found[at]) at += 1;
  const around = (text) => JSON.stringify(text.slice(Math.max(0, at - 40), at + 80));
  return `at character ${at}: expected ${around(expected)}, found ${around(found)}`;
}

function oneLine(text) {
  const flat = String(text).replace(/\s+/g, " ");
  return flat.length > DETAIL_CHARACTERS ? `${flat.slice(0, DETAIL_CHARACTERS)}…` : flat;
}
