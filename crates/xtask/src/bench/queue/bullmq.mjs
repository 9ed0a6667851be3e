// BullMQ: as it comes, or (TUNED) with many jobs at once and without keeping what is done. REDIS_PORT says where.

import { Queue, Worker } from "bullmq";
import { play } from "./roles.mjs";

const connection = { host: "127.0.0.1", port: Number(process.env.REDIS_PORT), maxRetriesPerRequest: null };
const queue = new Queue("bench", { connection });
const options = process.env.TUNED ? { removeOnComplete: true } : {};

await play({
    reset: () => queue.obliterate({ force: true }),
    async enqueue(count) {
        for (let left = count; left > 0; left -= 5000) {
            const data = Array.from({ length: Math.min(left, 5000) }, (_, n) => ({ name: "noop", data: { n }, opts: options }));
            await queue.addBulk(data);
        }
    },
    async start(handle) {
        const concurrency = process.env.TUNED ? { concurrency: 100 } : {};
        const worker = new Worker("bench", async (job) => handle(job.data), { connection, ...concurrency });
        await worker.waitUntilReady();
        return async () => {
            await worker.close();
        };
    },
    send: (args) => queue.add("noop", args, options),
    close: () => queue.close(),
});
