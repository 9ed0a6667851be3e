// What every queue under measurement is asked to do, as `node FILE ROLE COUNT LIMIT`: `prepare` it and enqueue COUNT
// jobs that do nothing; `work` until that many were done or LIMIT seconds are over; or run single jobs, LIMIT of them a
// second, and tell their `latency`. A queue is { reset, enqueue, start, send, close }; start returns what ends the
// work, which may tell how long it took where only the store knows.
//
// Prints `begun` with the first job and `ended {…}` with the last, and then waits for the end of its input, so that
// whoever measures can look at the store's processes meanwhile.

const now = () => performance.now();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function play(queue) {
    const [role, count, limit] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
    if (role === "prepare") {
        await queue.reset();
        if (count > 0) await queue.enqueue(count);
    } else {
        const told = role === "work" ? await work(queue, count, limit) : await latency(queue, count, limit);
        console.log(`ended ${JSON.stringify(told)}`);
        process.stdin.resume();
        await new Promise((resolve) => process.stdin.on("end", resolve));
    }
    await queue.close();
    process.exit(0);
}

async function work(queue, count, limit) {
    let done = 0;
    let began;
    let cpu;
    let finish;
    const finished = new Promise((resolve) => (finish = resolve));
    const stop = await queue.start(() => {
        if (done === 0) {
            began = now();
            cpu = process.cpuUsage();
            console.log("begun");
        }
        done += 1;
        if (done >= count) finish();
    });
    await Promise.race([finished, pause(limit * 1000)]);
    const counted = done;
    const told = (await stop()) ?? {};
    const seconds = told.seconds ?? (now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { fetch_p99_ms: 0, ...told, done: counted, seconds, cpu_us: user + system };
}

async function latency(queue, count, rate) {
    const seen = [];
    const stop = await queue.start(({ at }) => seen.push(now() - at));
    // Whoever connects first does not count.
    for (let n = 0; n < 5; n += 1) await queue.send({ at: now() });
    while (seen.length < 5) await pause(10);
    seen.length = 0;
    console.log("begun");
    const began = now();
    for (let n = 0; n < count; n += 1) {
        await pause(began + (n * 1000) / rate - now());
        await queue.send({ at: now() });
    }
    const until = now() + 30_000;
    while (seen.length < count && now() < until) await pause(10);
    await stop();
    if (seen.length < count) throw new Error(`only ${seen.length} of ${count} jobs started`);
    return { p50_ms: quantile(seen, 0.5), p99_ms: quantile(seen, 0.99) };
}

export function quantile(values, share) {
    const sorted = values.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
