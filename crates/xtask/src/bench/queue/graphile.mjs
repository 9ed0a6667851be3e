// graphile-worker: as it comes, or (TUNED) with its local queue and with completions in batches.

import { run, runMigrations, Logger } from "graphile-worker";
import pg from "pg";
import { play } from "./roles.mjs";

const connectionString = process.env.DATABASE_URL;
const client = new pg.Client(connectionString);
await client.connect();
const quiet = new Logger(() => () => {});
const tuned = {
    concurrentJobs: 24, maxPoolSize: 25, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0,
};

await play({
    async reset() {
        await runMigrations({ connectionString, logger: quiet });
        await client.query("truncate graphile_worker._private_jobs");
    },
    async enqueue(count) {
        // One by one in a transaction, each looks through those before it.
        const sql = `select count(*) from graphile_worker.add_jobs(array(
            select row('noop', json_build_object('n', n), null, null, null, null, null, null)::graphile_worker.job_spec
            from generate_series(1, $1::int) n))`;
        for (let left = count; left > 0; left -= 1000) await client.query(sql, [Math.min(left, 1000)]);
    },
    async start(handle) {
        const worker = process.env.TUNED ? tuned : {};
        const runner = await run({
            connectionString, logger: quiet, noHandleSignals: true, preset: { worker },
            taskList: { noop: async (payload) => handle(payload) },
        });
        return async () => {
            await runner.stop();
        };
    },
    send: (args) => client.query("select graphile_worker.add_job('noop', $1)", [JSON.stringify(args)]),
    close: () => client.end(),
});
