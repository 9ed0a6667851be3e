// The fenced blocks of a page: in which language, from which line on, and what comments before them say to whoever runs them.

/** What is executed, what is checked, and what is only shown. A block in no language is a mistake. */
const LANGUAGES = {
  sh: "executed",
  console: "executed",
  sql: "executed",
  toml: "checked",
  js: "shown",
  json: "shown",
  http: "shown",
  text: "shown",
};
const NOTES = ["stays", "as", "elsewhere", "file", "fails", "ends"];

/** A page's name and its blocks; `mistakes` are lines that no run could make right. */
export function read(name, text) {
  const page = { name, needs: [], blocks: [], mistakes: [] };
  const wrong = (line, why) => page.mistakes.push(`${name}:${line}: ${why}`);
  let notes = {};
  let block;
  for (const [index, line] of text.split("\n").entries()) {
    const at = index + 1;
    const fence = /^ *```(\S*)/.exec(line);
    const comment = /^<!-- ([a-z]+)(?:: (.*?))? -->$/.exec(line);
    if (block && fence) {
      page.blocks.push(block);
      block = undefined;
    } else if (block) {
      block.lines.push(line);
    } else if (fence) {
      if (!LANGUAGES[fence[1]]) wrong(at, `a block in ${fence[1] || "no language"}; known: ${Object.keys(LANGUAGES).join(", ")}`);
      block = { language: fence[1], kind: LANGUAGES[fence[1]], line: at + 1, lines: [], notes };
      notes = {};
    } else if (comment?.[1] === "needs") {
      page.needs.push(...comment[2].split(", "));
    } else if (comment) {
      if (!NOTES.includes(comment[1])) wrong(at, `no such note: ${comment[1]}; known: needs, ${NOTES.join(", ")}`);
      notes[comment[1]] = comment[2] ?? "";
    } else if (line.trim() && Object.keys(notes).length) {
      // A note that stands before prose would be lost in silence.
      if (!line.startsWith("<!--")) wrong(at, "a note is followed by a block, and here is none");
      notes = {};
    }
  }
  return page;
}

/** The commands of a `console` block, each with what is shown to come of it. */
export function dialogue({ line, lines }) {
  const commands = [];
  for (const [index, text] of lines.entries()) {
    const last = commands.at(-1);
    if (text.startsWith("$ ")) commands.push({ line: line + index, command: text.slice(2), shown: [] });
    else if (last && !last.shown.length && last.command.endsWith("\\")) last.command += `\n${text}`;
    else if (last && text.trim()) last.shown.push(text);
  }
  return commands;
}
