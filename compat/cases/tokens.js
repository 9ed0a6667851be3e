// The tokens of the cases, and the keys that sign them.
//
// A case says claims; times in them are relative ("+60" is in a minute). The keys of a run are made by it and end with
// it: the settings of a feature name them as `$jwks`, `$rsa`, and so on.

import { constants, createHmac, generateKeyPairSync, sign } from "node:crypto";

/** Long enough for HS512. */
export const SECRET = "a secret that is longer than the sixty-four bytes that HS512 wants of it";

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

const pairs = new Map();

/** What makes a pair, by the beginning of its name. */
const KINDS = [
  ["ec521", () => generateKeyPairSync("ec", { namedCurve: "P-521" })],
  ["ec384", () => generateKeyPairSync("ec", { namedCurve: "P-384" })],
  ["ec", () => generateKeyPairSync("ec", { namedCurve: "P-256" })],
  ["ed", () => generateKeyPairSync("ed25519")],
  ["rsa", () => generateKeyPairSync("rsa", { modulusLength: 2048 })],
];

/** The key pair of this name, made when it is first wanted. */
function pair(name) {
  if (!pairs.has(name)) {
    const [, make] = KINDS.find(([kind]) => name.startsWith(kind));
    pairs.set(name, make());
  }
  return pairs.get(name);
}

function publicKey(name, more) {
  return { ...pair(name).publicKey.export({ format: "jwk" }), ...more };
}

const octets = (more) => ({ kty: "oct", k: Buffer.from(SECRET).toString("base64url"), ...more });

/** What settings may name. */
const KEYS = {
  $secret: () => SECRET,
  $base64: () => Buffer.from(SECRET).toString("base64"),
  $rsa: () => JSON.stringify(publicKey("rsa", { alg: "RS256", use: "sig" })),
  $ec: () => JSON.stringify(publicKey("ec", { alg: "ES256", use: "sig" })),
  $any: () =>
    JSON.stringify({ keys: ["rsa", "ec", "ec384", "ec521", "ed"].map((name) => publicKey(name)).concat(octets({})) }),
  $enc: () => JSON.stringify({ keys: [publicKey("rsa", { use: "enc" }), publicKey("ec", { use: "sig" })] }),
  $oct: () => JSON.stringify(octets({ alg: "HS256" })),
  $jwks: () =>
    JSON.stringify({
      keys: [
        publicKey("rsa", { alg: "RS256", kid: "rsa" }),
        publicKey("ec", { alg: "ES256", kid: "ec" }),
        octets({ alg: "HS256", kid: "oct" }),
      ],
    }),
};

/** A setting with the keys it names. */
export function resolved(value) {
  return value in KEYS ? KEYS[value]() : value;
}

/** The token of a request: of its claims, unless it says another way of making one. */
export function authorization({ claims = {}, token = {} }) {
  const { algorithm = "HS256", key = "rsa", secret = SECRET, header = {}, text } = token;
  const encoded = (value) => Buffer.from(value).toString("base64url");
  const head = JSON.stringify({ alg: algorithm, typ: "JWT", ...header });
  const signed = `${encoded(head)}.${encoded(text ?? JSON.stringify(timed(claims)))}`;
  return `${signed}.${signature(algorithm, key, secret, signed)}`;
}

function signature(algorithm, key, secret, signed) {
  const digest = `sha${algorithm.slice(2)}`;
  if (algorithm === "none") return "";
  if (algorithm.startsWith("HS")) return createHmac(digest, secret).update(signed).digest("base64url");
  const options = { key: pair(key).privateKey, dsaEncoding: "ieee-p1363" };
  if (algorithm.startsWith("PS")) Object.assign(options, PSS);
  return sign(algorithm === "EdDSA" ? null : digest, Buffer.from(signed), options).toString("base64url");
}

function timed(claims) {
  const now = Math.floor(Date.now() / 1000);
  const resolve = ([name, value]) =>
    ["exp", "nbf", "iat"].includes(name) && /^[+-]\d+$/.test(value) ? [name, now + Number(value)] : [name, value];
  return Object.fromEntries(Object.entries(claims).map(resolve));
}
