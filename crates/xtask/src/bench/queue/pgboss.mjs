// pg-boss: as it comes, or (TUNED) woken by notifications and fetching full batches one after the other.

import { PgBoss } from "pg-boss";
import pg from "pg";
import { play } from "./roles.mjs";

const connectionString = process.env.DATABASE_URL;
const tuned = Boolean(process.env.TUNED);
const client = new pg.Client(connectionString);
await client.connect();
const boss = new PgBoss({ connectionString, ...(tuned && { useListenNotify: true }) });
boss.on("error", (error) => console.error(error));
let started = false;
async function begin() {
    if (started) return;
    started = true;
    await boss.start();
    await boss.createQueue("bench", tuned ? { notify: true } : {});
}

await play({
    async reset() {
        await begin();
        await boss.deleteAllJobs("bench");
    },
    async enqueue(count) {
        for (let left = count; left > 0; left -= 5000) {
            await boss.insert("bench", Array.from({ length: Math.min(left, 5000) }, (_, n) => ({ data: { n } })));
        }
    },
    async start(handle) {
        await begin();
        const options = tuned
            ? { batchSize: 1000, localConcurrency: 2, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }
            : {};
        await boss.work("bench", options, async (jobs) => jobs.forEach((job) => handle(job.data)));
        return async () => {
            await boss.offWork("bench");
            const sql = `select extract(epoch from max(completed_on) - min(started_on))::float8 as seconds
                from pgboss.job where name = 'bench' and state = 'completed'`;
            const { seconds } = (await client.query(sql)).rows[0];
            return { seconds: seconds ?? undefined };
        };
    },
    send: (args) => boss.send("bench", args),
    async close() {
        if (started) await boss.stop({ graceful: false });
        await client.end();
    },
});
