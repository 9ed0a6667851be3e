-- Makes the queue's tables: jobs that wait or run, jobs that ended, keys that are taken, and who may enqueue what.
-- No rows. Locks: none that readers or writers of other schemas could meet. Nobody is granted anything.

create sequence courant.job_seq;

-- Jobs that have not ended. A job waits in the order of seq within its queue and priority; it takes a new one when it
-- becomes available again. What a claim or a heartbeat changes stands in no index, so that both are HOT updates (for
-- which the pages leave room), and a transaction that pins old row versions costs readers nothing but a detour.
create table courant.job (
    id int8 primary key,
    seq int8 not null,
    queue text collate "C" not null,
    kind text not null,
    priority int2 not null check (priority between 0 and 9),
    args jsonb not null,
    -- Null: available or running. Else when it becomes available; infinity: when another job ends.
    due timestamptz,
    ready_at timestamptz not null,
    -- Claims so far; with the id it names one run, and nobody else can report on that.
    attempt int4 not null default 0,
    snoozes int4 not null default 0,
    max_attempts int4 not null check (max_attempts >= 1),
    -- Running, unless this is null or past: whoever finds it past may claim the job.
    lease_until timestamptz,
    started_at timestamptz,
    worker text,
    cancel_requested bool not null default false,
    -- Another job waits for its end.
    is_followed bool not null default false,
    unique_key text,
    serial_key text,
    after int8,
    tags text[],
    errors jsonb,
    created_at timestamptz not null default pg_catalog.now()
) with (fillfactor = 50);

create unique index job_order on courant.job (queue, priority, seq);
create index job_due on courant.job (due) where due is not null;
create index job_after on courant.job (after) where after is not null;
create index job_serial on courant.job (queue, serial_key, id) where serial_key is not null;

-- Jobs that ended, until they are pruned. Never looked at by whoever looks for work.
create table courant.job_ended (
    id int8 primary key,
    queue text collate "C" not null,
    kind text not null,
    priority int2 not null,
    args jsonb not null,
    state text not null check (state in ('completed', 'discarded', 'cancelled')),
    attempt int4 not null,
    snoozes int4 not null,
    max_attempts int4 not null,
    worker text,
    unique_key text,
    serial_key text,
    after int8,
    tags text[],
    errors jsonb,
    created_at timestamptz not null,
    ready_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz not null default pg_catalog.clock_timestamp()
);

create index job_ended_time on courant.job_ended (ended_at);
create index job_ended_badly on courant.job_ended (state, queue, id) where state <> 'completed';

-- Keys of which there may be one job at a time, or one in a period. Taken until then: infinity while the job has not
-- ended, and after that until the period is over (free_at), if it is for a period.
create table courant.job_unique (
    kind text not null,
    key text not null,
    job int8 not null,
    until timestamptz not null,
    free_at timestamptz,
    primary key (kind, key)
);
create index job_unique_until on courant.job_unique (until) where until < 'infinity';

-- The latest tick of each schedule that a job was enqueued for: whoever moves it enqueues, and nobody else.
create table courant.job_periodic (
    name text primary key,
    tick timestamptz not null
);

-- Keys whose jobs run one at a time, while one of them runs.
create table courant.job_serial_running (
    queue text collate "C" not null,
    key text not null,
    job int8 not null,
    primary key (queue, key)
);

-- Queues that somebody paused.
create table courant.queue_paused (
    queue text collate "C" primary key,
    paused_at timestamptz not null default pg_catalog.now()
);

-- Which roles may enqueue what ('*': any kind), and which may work on what queue ('*': any) over HTTP.
create table courant.queue_right (
    role name not null,
    may text not null check (may in ('enqueue', 'work')),
    what text not null,
    primary key (role, may, what)
);

-- Jobs with the state that they are in, for people; workers have ways of their own.
create view courant.jobs as
select
    j.id, j.queue, j.kind, j.priority, j.args,
    case
        when j.lease_until is not null then 'running'
        when j.due is not null and j.attempt > 0 then 'retryable'
        when j.due is not null then 'scheduled'
        else 'available'
    end as state,
    j.attempt, j.snoozes, j.max_attempts, j.worker, j.unique_key, j.serial_key, j.after, j.tags, j.errors,
    j.created_at, j.ready_at, j.due, j.started_at, j.lease_until, null::timestamptz as ended_at
from courant.job j
union all
select
    e.id, e.queue, e.kind, e.priority, e.args, e.state, e.attempt, e.snoozes, e.max_attempts, e.worker,
    e.unique_key, e.serial_key, e.after, e.tags, e.errors, e.created_at, e.ready_at, null, e.started_at, null,
    e.ended_at
from courant.job_ended e;
