// The inbox's AI routes: the stream arrives word by word and ends with its reader, the declared one is asked once.

import { expect } from "../report.js";

const SOON_MS = 5000;

export async function assistant(run) {
  const { app, report, stub } = run;
  for (const [via, client] of [
    ["direct", run.direct],
    ["courant", run.through],
  ]) {
    await report.check(app.name, "assistant", `words arrive before the last is said (${via})`, () =>
      pieces(run, client, via),
    );
    await report.check(app.name, "assistant", `the model is told when the reader leaves (${via})`, () =>
      leaving(run, client, via),
    );
  }
  if (!run.cached) return report.skip(app.name, "assistant", "the same question costs once", "direct only");
  await report.check(app.name, "assistant", "the same question costs once", async () => {
    const ask = (json, user = 1) =>
      run.through.send({ method: "POST", path: "/ai/complete", json, headers: run.signedIn[user] });
    const question = { prompt: `How long does it take? ${Date.now()}` };
    const before = stub.completions;
    const answers = [
      await ask(question),
      await ask(question),
      ...(await Promise.all([ask(question), ask(question)])),
    ];
    expect(new Set(answers.map(({ text }) => text)).size === 1, "the answers differ");
    expect(
      stub.completions - before === 1,
      `the model was asked ${stub.completions - before} times for one question`,
    );
    const other = await ask({ prompt: `${question.prompt}!` });
    expect(stub.completions - before === 2, "another question was answered without the model");
    expect(other.text !== answers[0].text, "another question got the same answer");
    await ask(question, 2);
    expect(stub.completions - before === 3, "another user's question was answered without asking for them");
  });
}

async function chat(run, client, prompt) {
  const response = await client.open({
    method: "POST",
    path: "/ai/chat",
    json: { prompt },
    headers: run.signedIn[1],
  });
  expect(response.statusCode === 200, `answered ${response.statusCode}`);
  response.setEncoding("utf8");
  return response;
}

/** The stub stops after three words until it is released, which happens once they have been seen. */
async function pieces(run, client, via) {
  const name = `pieces-${via}`;
  const released = { early: false };
  const late = setTimeout(() => {
    released.early = true;
    run.stub.release(name);
  }, SOON_MS);
  let text = "";
  let seen;
  for await (const piece of await chat(run, client, `Tell me a story [hold:${name}]`)) {
    text += piece;
    const words = text.split("\n\n").length - 1;
    if (words >= 3 && !seen) {
      seen = released.early ? "late" : "in time";
      run.stub.release(name);
    }
  }
  clearTimeout(late);
  expect(seen === "in time", `no word within ${SOON_MS} ms, before the model went on: the stream is held back`);
  expect(text.endsWith("data: [DONE]\n\n"), `the stream ends with ${JSON.stringify(text.slice(-80))}`);
  return `${text.split("\n\n").length - 1} events`;
}

async function leaving(run, client, via) {
  const name = `leaving-${via}`;
  const response = await chat(run, client, `Never stop [endless:${name}]`);
  for await (const _ of response) break;
  response.destroy();
  const deadline = performance.now() + SOON_MS;
  while (!run.stub.left(name)) {
    expect(performance.now() < deadline, `the model still speaks ${SOON_MS} ms after its reader left`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
