// Whether a command printed what the page shows: each line shown is found in the output, in this order. Numbers stand for
// any number, `…` for anything, and one space for any; lines that the page leaves out may stand between.
//
//   node shown.js SHOWN PRINTED

import { readFileSync } from "node:fs";

const [shown, printed] = process.argv.slice(2).map((name) => readFileSync(name, "utf8").split("\n"));

function pattern(line) {
  const parts = line.trim().split(/(\d+|…|\s+)/);
  const loose = parts.map((part, index) => {
    if (index % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    if (part === "…") return ".*";
    return /\d/.test(part) ? "\\d+" : "\\s+";
  });
  return new RegExp(loose.join(""));
}

let from = 0;
for (const line of shown.filter((text) => text.trim())) {
  const found = printed.findIndex((text, index) => index >= from && pattern(line).test(text));
  if (found < 0) {
    console.error(`the page shows: ${line.trim()}\nprinted was:\n${printed.join("\n")}`);
    process.exit(1);
  }
  from = found + 1;
}
