// Courant: a worker outside, which fetches and reports in batches over HTTP (COURANT_ADDRESS).

import http from "node:http";
import pg from "pg";
import { play, quantile } from "./roles.mjs";

const LOOPS = 2;
const BATCH = 1000;
const agent = new http.Agent({ keepAlive: true });
const [host, port] = process.env.COURANT_ADDRESS.split(":");
const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();

function post(path, asked) {
    const body = JSON.stringify(asked);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
        const request = http.request({ host, port, agent, method: "POST", path, headers }, (response) => {
            const chunks = [];
            response.on("data", (chunk) => chunks.push(chunk));
            response.on("end", () => {
                const text = Buffer.concat(chunks).toString();
                if (response.statusCode === 200) resolve(JSON.parse(text));
                else reject(new Error(`${path}: ${response.statusCode} ${text}`));
            });
        });
        request.on("error", reject);
        request.end(body);
    });
}

await play({
    async reset() {
        await client.query("select courant.queue_allow('anon', 'work', 'bench')");
        await client.query("truncate courant.job");
        // What was completed on earlier days stays.
        await client.query("delete from courant.job_completed where last_id > 0");
        await client.query("vacuum analyze courant.job_completed");
    },
    async enqueue(count) {
        const many = `select courant.enqueue_many((select jsonb_agg(jsonb_build_object(
            'kind', 'noop', 'queue', 'bench', 'args', jsonb_build_object('n', n))) from generate_series(1, $1::int) n))`;
        for (let left = count; left > 0; left -= 10_000) await client.query(many, [Math.min(left, 10_000)]);
    },
    async start(run) {
        let stopping = false;
        const fetches = [];
        const loop = async () => {
            while (!stopping) {
                const began = performance.now();
                const { jobs } = await post("/queue/v1/queues/bench/fetch", { max: BATCH, wait_ms: 1000 });
                if (jobs.length === BATCH) fetches.push(performance.now() - began);
                if (jobs.length === 0) continue;
                const runs = jobs.map(({ id, attempt, args }) => {
                    run(args);
                    return { id, attempt, outcome: "completed" };
                });
                await post("/queue/v1/queues/bench/report", { runs });
            }
        };
        let reported;
        const loops = Array.from({ length: LOOPS }, loop);
        return async () => {
            stopping = true;
            // A fetch that waits for a job does not count as work.
            await Promise.race([Promise.all(loops), new Promise((resolve) => setTimeout(resolve, 1500))]);
            const sql = `select extract(epoch from max(ended_at) - min(started_at))::float8 as seconds
                from courant.jobs_completed where last_id > 0 and ended_at > now() - interval '50 min'`;
            reported = (await client.query(sql)).rows[0];
            return { seconds: reported.seconds ?? undefined, fetch_p99_ms: quantile(fetches, 0.99) };
        };
    },
    send: (args) => client.query("select courant.enqueue('noop', $1, 'bench')", [args]),
    close: () => client.end(),
});
