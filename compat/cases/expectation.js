// Judges an answer by what a case expects of it: status, headers and body, to the byte.

import { isDeepStrictEqual } from "node:util";

/** Compared in every case: one that is not expected must not be there. */
const COMPARED = [
  "content-type",
  "content-range",
  "content-location",
  "location",
  "preference-applied",
  "content-profile",
  "www-authenticate",
  "allow",
  "range-unit",
  "warning",
];
const CROSS_ORIGIN = /^access-control-/;
/** Lists, in which Courant may name more than is expected. */
const LISTS = new Set([
  "vary",
  "access-control-expose-headers",
  "access-control-allow-headers",
  "access-control-allow-methods",
]);

const isCompared = (name) => COMPARED.includes(name) || CROSS_ORIGIN.test(name);

/** What is wrong with the answer, as `[what, expected, got]`; nothing if nothing is. */
export function differences({ expect, request }, answer) {
  if (!expect) return [["case", "what it expects", "nothing"]];
  const wrong = [];
  if (answer.status !== expect.status) wrong.push(["status", expect.status, answer.status]);
  wrong.push(...ofHeaders(expect.headers ?? {}, answer.headers));
  wrong.push(...ofLength(request, answer));
  wrong.push(...ofBody(expect, answer.body));
  return wrong;
}

function ofHeaders(expected, got) {
  const wanted = Object.fromEntries(Object.entries(expected).map(([name, value]) => [name.toLowerCase(), value]));
  const names = new Set([...Object.keys(wanted), ...Object.keys(got).filter(isCompared)]);
  return [...names]
    .filter((name) => !isHeader(name, wanted[name], got[name]))
    .map((name) => [name, wanted[name] ?? "absent", got[name] ?? "absent"]);
}

function isHeader(name, wanted, got) {
  if (wanted === undefined || wanted === null) return got === undefined;
  if (got === undefined) return false;
  if (typeof wanted === "object") return new RegExp(wanted.matches).test(got);
  if (!LISTS.has(name)) return got === wanted;
  const members = (list) => list.split(",").map((member) => member.trim().toLowerCase());
  return members(wanted).every((member) => members(got).includes(member));
}

/** A length that is told is the body's. That PostgREST 12 tells none is its own affair. */
function ofLength({ method }, { status, headers, body }) {
  const told = headers["content-length"];
  if (told === undefined || method === "HEAD") return [];
  if (status === 204 || status === 304) return [["content-length", "absent", told]];
  return Number(told) === body.length ? [] : [["content-length", body.length, told]];
}

function ofBody(expect, bytes) {
  const text = bytes.toString("utf8");
  if (expect.bytes !== undefined) {
    const got = bytes.toString("base64");
    return got === expect.bytes ? [] : [["bytes", expect.bytes, got]];
  }
  if (expect.matches !== undefined) {
    return new RegExp(expect.matches).test(text) ? [] : [["body", `/${expect.matches}/`, text]];
  }
  if (expect.json !== undefined || expect.contains !== undefined) return ofJson(expect, text);
  return text === (expect.body ?? "") ? [] : [["body", expect.body ?? "", text]];
}

function ofJson({ json, contains }, text) {
  let got;
  try {
    got = JSON.parse(text);
  } catch {
    return [["body", JSON.stringify(json ?? contains), text]];
  }
  if (json !== undefined) return isDeepStrictEqual(got, json) ? [] : [["body", JSON.stringify(json), text]];
  return missing(contains, got, "body");
}

/** What of the expected members the value lacks: objects may have more, `null` says that a member is not there. */
function missing(expected, got, place) {
  if (expected === null || typeof expected !== "object" || Array.isArray(expected)) {
    const same = expected === null ? got === undefined || got === null : isDeepStrictEqual(got, expected);
    return same ? [] : unlike(place, expected, got);
  }
  if (got === null || typeof got !== "object") return unlike(place, expected, got);
  return Object.entries(expected).flatMap(([name, value]) => missing(value, got[name], `${place}.${name}`));
}

const unlike = (place, expected, got) => [[place, JSON.stringify(expected), JSON.stringify(got) ?? "absent"]];

/** The answer as an expectation. */
export function recorded({ status, headers, body }) {
  const kept = Object.keys(headers).filter(isCompared).sort();
  const text = body.toString("utf8");
  const expect = { status };
  if (kept.length > 0) expect.headers = Object.fromEntries(kept.map((name) => [titled(name), headers[name]]));
  if (!Buffer.from(text, "utf8").equals(body)) return { ...expect, bytes: body.toString("base64") };
  return text === "" ? expect : { ...expect, body: text };
}

const titled = (name) =>
  name === "www-authenticate" ? "WWW-Authenticate" : name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
