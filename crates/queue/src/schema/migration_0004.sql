-- Keeps completed jobs by the batch in which they were completed, and ends runs with fewer row versions, index entries and
-- records of the log. No rows. Locks: ACCESS EXCLUSIVE on the queue's own tables for a moment.
--
-- A row for each completed job costs its insertion, two index entries, and for each of these a record that whoever
-- decodes the log must read. A row for a whole batch costs a five-hundredth of that, and is forgotten as cheaply.

-- What one claim adds to a row must fit into its page, or the update is not HOT.
alter table courant.job set (fillfactor = 40);

-- A job that was completed, without what its whole batch has in common.
create type courant.job_done as (
    id int8,
    priority int2,
    args jsonb,
    attempt int4,
    snoozes int4,
    max_attempts int4,
    worker text,
    unique_key text,
    serial_key text,
    after int8,
    tags text[],
    errors jsonb,
    created_at timestamptz,
    ready_at timestamptz,
    started_at timestamptz
);

-- What of a job may have others wait for its end.
create type courant.job_tie as (
    id int8,
    queue text,
    kind text,
    unique_key text,
    serial_key text,
    is_followed bool
);

-- Batches of jobs that were completed, until they are pruned.
create table courant.job_completed (
    -- By it those who publish all tables tell which are pruned.
    batch int8 generated always as identity primary key,
    queue text collate "C" not null,
    kind text not null,
    first_id int8 not null,
    last_id int8 not null,
    ended_at timestamptz not null default pg_catalog.clock_timestamp(),
    jobs courant.job_done[] not null
);
-- Compressing them would cost more than it saves.
alter table courant.job_completed alter column jobs set storage external;
create index job_completed_time on courant.job_completed (ended_at);
create index job_completed_ids on courant.job_completed using gist (int8range(first_id, last_id, '[]'));

-- Those jobs one by one. Who asks for one job asks for its batch too: int8range(first_id, last_id, '[]') @> id.
create view courant.jobs_completed as
select
    d.id, c.queue, c.kind, d.priority, d.args, 'completed'::text as state, d.attempt, d.snoozes, d.max_attempts,
    d.worker, d.unique_key, d.serial_key, d.after, d.tags, d.errors, d.created_at, d.ready_at,
    null::timestamptz as due, d.started_at, null::timestamptz as lease_until, c.ended_at, c.first_id, c.last_id
from courant.job_completed c
cross join lateral unnest(c.jobs) d;

create or replace view courant.jobs as
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
from courant.job_ended e
union all
select
    c.id, c.queue, c.kind, c.priority, c.args, c.state, c.attempt, c.snoozes, c.max_attempts, c.worker, c.unique_key,
    c.serial_key, c.after, c.tags, c.errors, c.created_at, c.ready_at, c.due, c.started_at, c.lease_until, c.ended_at
from courant.jobs_completed c;

-- One job, without reading through all that were completed. At most one row.
create function courant.job(id int8) returns setof courant.jobs
language sql
stable
begin atomic
    select j.* from courant.jobs j where j.id = job.id and j.state <> 'completed'
    union all
    select
        e.id, e.queue, e.kind, e.priority, e.args, e.state, e.attempt, e.snoozes, e.max_attempts, e.worker,
        e.unique_key, e.serial_key, e.after, e.tags, e.errors, e.created_at, e.ready_at, null, e.started_at, null,
        e.ended_at
    from courant.job_ended e
    where e.id = job.id and e.state = 'completed'
    union all
    select
        c.id, c.queue, c.kind, c.priority, c.args, c.state, c.attempt, c.snoozes, c.max_attempts, c.worker,
        c.unique_key, c.serial_key, c.after, c.tags, c.errors, c.created_at, c.ready_at, c.due, c.started_at,
        c.lease_until, c.ended_at
    from courant.jobs_completed c
    where int8range(c.first_id, c.last_id, '[]') @> job.id and c.id = job.id;
end;

-- What depends on jobs that have ended: keys that are free again, and jobs that wait for a key or for their end.
create function courant.job_untie(ties courant.job_tie[], completed bool) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    followed int8[];
    freed record;
begin
    delete from courant.job_unique u using unnest(ties) t
    where t.unique_key is not null and u.kind = t.kind and u.key = t.unique_key and u.job = t.id
        and coalesce(u.free_at, '-infinity') <= now();
    update courant.job_unique u set until = u.free_at from unnest(ties) t
    where t.unique_key is not null and u.kind = t.kind and u.key = t.unique_key and u.job = t.id and u.free_at > now();
    delete from courant.job_serial_running s using unnest(ties) t
    where t.serial_key is not null and s.queue = t.queue and s.key = t.serial_key and s.job = t.id;
    for freed in
        select distinct t.queue, t.serial_key from unnest(ties) t where t.serial_key is not null order by 1, 2
    loop
        perform courant.job_serial_release(freed.queue, freed.serial_key);
    end loop;
    select array_agg(t.id) into followed from unnest(ties) t where t.is_followed;
    if followed is not null then
        perform courant.job_follow(followed, completed);
    end if;
end
$function$;

-- Ends runs that did not complete, or where an attempt is null jobs whether they run or not, in that state.
create or replace function courant.job_end(ids int8[], attempts int4[], ended_as text, keep bool) returns int8[]
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    taken int8[];
    ties courant.job_tie[];
begin
    with gone as (
        delete from courant.job j
        using unnest(ids, attempts) as r (id, attempt)
        where j.id = r.id and (r.attempt is null or j.attempt = r.attempt and j.lease_until is not null)
        returning j.*
    ), kept as (
        insert into courant.job_ended (
            id, queue, kind, priority, args, state, attempt, snoozes, max_attempts, worker, unique_key, serial_key,
            after, tags, errors, created_at, ready_at, started_at
        )
        select g.id, g.queue, g.kind, g.priority, g.args, ended_as, g.attempt, g.snoozes, g.max_attempts, g.worker,
            g.unique_key, g.serial_key, g.after, g.tags, g.errors, g.created_at, g.ready_at, g.started_at
        from gone g
        where keep
    )
    select
        coalesce(array_agg(g.id), '{}'),
        array_agg(row(g.id, g.queue, g.kind, g.unique_key, g.serial_key, g.is_followed)::courant.job_tie)
            filter (where g.is_followed or g.unique_key is not null or g.serial_key is not null)
    into taken, ties
    from gone g;
    if ties is not null then
        perform courant.job_untie(ties, ended_as = 'completed');
    end if;
    return taken;
end
$function$;

drop function courant.job_complete(int8[], int4[], bool);

-- Completes runs: jobs, attempts, whether the jobs are kept, and where it is said the queues that they must be of. A
-- SQL handler calls it in its own transaction, and its effects happen exactly once.
create function courant.job_complete(ids int8[], attempts int4[], keep bool, queues text[] default null) returns int8[]
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $function$
declare
    taken int8[];
    ties courant.job_tie[];
begin
    with gone as materialized (
        delete from courant.job j
        using unnest(ids, attempts, queues) as r (id, attempt, queue)
        where j.id = r.id and j.attempt = r.attempt and j.lease_until is not null
            and (r.queue is null or j.queue = r.queue)
        returning j.id, j.queue, j.kind,
            -- An array of many large ones would be too large.
            case when pg_column_size(j.args) > 8192 then j.id end as alone,
            case when keep then row(
                j.id, j.priority, j.args, j.attempt, j.snoozes, j.max_attempts, j.worker, j.unique_key, j.serial_key,
                j.after, j.tags, j.errors, j.created_at, j.ready_at, j.started_at
            )::courant.job_done end as done,
            j.is_followed or j.unique_key is not null or j.serial_key is not null as is_tied,
            case when j.is_followed or j.unique_key is not null or j.serial_key is not null then row(
                j.id, j.queue, j.kind, j.unique_key, j.serial_key, j.is_followed
            )::courant.job_tie end as tie
    ), kept as (
        insert into courant.job_completed (queue, kind, first_id, last_id, jobs)
        select g.queue, g.kind, min(g.id), max(g.id), array_agg(g.done)
        from gone g
        where keep
        group by g.queue, g.kind, g.alone
    )
    select coalesce(array_agg(g.id), '{}'), array_agg(g.tie) filter (where g.is_tied)
    into taken, ties
    from gone g;
    if ties is not null then
        perform courant.job_untie(ties, true);
    end if;
    return taken;
end
$function$;

-- How a job ended; null where none has with this id.
create function courant.job_ended_as(id int8) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $function$
begin
    return coalesce(
        (select e.state from courant.job_ended e where e.id = job_ended_as.id),
        (
            select c.state from courant.jobs_completed c
            where int8range(c.first_id, c.last_id, '[]') @> job_ended_as.id and c.id = job_ended_as.id
        )
    );
end
$function$;

-- Takes a job out of its batch of completed ones. The job, if it was there.
create function courant.job_forget_completed(id int8) returns setof courant.jobs_completed
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $function$
begin
    -- Whoever takes it at the same time waits here, and then finds none.
    perform from courant.job_completed c
    where int8range(c.first_id, c.last_id, '[]') @> job_forget_completed.id
    order by c.ctid
    for update;
    return query
        select c.* from courant.jobs_completed c
        where int8range(c.first_id, c.last_id, '[]') @> job_forget_completed.id and c.id = job_forget_completed.id;
    update courant.job_completed c
    set jobs = array(select d from unnest(c.jobs) d where d.id <> job_forget_completed.id)
    where int8range(c.first_id, c.last_id, '[]') @> job_forget_completed.id
        and exists (select from unnest(c.jobs) d where d.id = job_forget_completed.id);
end
$function$;

-- Enqueues a job in the caller's own transaction and returns its id; of a key that is taken, the id of the job that
-- has it.
create or replace function courant.enqueue(
    kind text,
    args jsonb default '{}',
    queue text default 'default',
    priority int4 default 5,
    run_at timestamptz default null,
    max_attempts int4 default 20,
    unique_key text default null,
    unique_for interval default null,
    serial_key text default null,
    after int8 default null,
    tags text[] default null
) returns int8
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    new_id int8;
    taken int8;
    waits timestamptz := case when run_at > now() then run_at end;
    ended_as text;
    asking name := coalesce(nullif(current_setting('role', true), 'none'), session_user);
begin
    -- What is almost always so, in two expressions; whatever else it is, the functions say.
    if (
        length(kind) between 1 and 100 and queue ~ '^[a-z0-9_-]{1,63}$' and priority between 0 and 9
        and max_attempts between 1 and 1000 and pg_column_size(args) <= 1048576 and tags is null
        and coalesce(length(unique_key), 0) <= 200 and coalesce(length(serial_key), 0) <= 200
    ) is not true then
        perform courant.queue_check_job(kind, args, queue, priority, max_attempts, array[unique_key, serial_key], tags);
    end if;
    if not pg_has_role(asking, current_user, 'member') and not exists (
        select from courant.queue_right r where r.role = asking and r.may = 'enqueue' and r.what in ('*', kind)
    ) then
        perform courant.queue_check_right('enqueue', kind);
    end if;
    new_id := nextval('courant.job_seq');
    if unique_key is not null then
        insert into courant.job_unique as u values (kind, unique_key, new_id, 'infinity', now() + unique_for)
        on conflict on constraint job_unique_pkey
        do update set job = new_id, until = 'infinity', free_at = now() + unique_for
        where u.until <= now();
        if not found then
            select u.job into taken from courant.job_unique u
            where u.kind = enqueue.kind and u.key = enqueue.unique_key;
            return taken;
        end if;
    end if;
    if after is not null then
        -- Locks it: it cannot end before this is committed, and then it finds us.
        update courant.job j set is_followed = true where j.id = enqueue.after;
        if found then
            waits := 'infinity';
        else
            ended_as := courant.job_ended_as(after);
            if ended_as is null then
                raise invalid_parameter_value using message = format('after: there is no job %s', after);
            elsif ended_as <> 'completed' then
                raise invalid_parameter_value using message = format('after: job %s was %s', after, ended_as);
            end if;
            after := null;
        end if;
    end if;
    insert into courant.job (
        id, seq, queue, kind, priority, args, due, ready_at, max_attempts, unique_key, serial_key, after, tags
    )
    values (
        new_id, new_id, queue, kind, priority, args, waits, coalesce(run_at, now()), max_attempts,
        unique_key, serial_key, after, tags
    );
    if waits is null then
        -- As queue_tell does, which would be planned for each call.
        perform pg_logical_emit_message(true, 'courant.queue', 'job ' || queue || ' ' || priority || ' ' || new_id);
    end if;
    return new_id;
end
$function$;

-- Makes a job that ended, or that waits for its time, available now. Whether there was one.
create or replace function courant.retry_job(id int8) returns bool
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
declare
    again courant.job_ended;
    place int8 := nextval('courant.job_seq');
    freed record;
begin
    update courant.job j set due = null, seq = place, ready_at = now()
    where j.id = retry_job.id and j.due < 'infinity'
    returning j.queue, j.priority into freed;
    if found then
        perform courant.queue_tell(freed.queue, freed.priority, place);
        return true;
    end if;
    delete from courant.job_ended e where e.id = retry_job.id returning e.* into again;
    if not found then
        select
            c.id, c.queue, c.kind, c.priority, c.args, c.state, c.attempt, c.snoozes, c.max_attempts, c.worker,
            c.unique_key, c.serial_key, c.after, c.tags, c.errors, c.created_at, c.ready_at, c.started_at, c.ended_at
        into again
        from courant.job_forget_completed(retry_job.id) c;
        if not found then
            return false;
        end if;
    end if;
    if again.unique_key is not null then
        insert into courant.job_unique as u values (again.kind, again.unique_key, again.id, 'infinity', null)
        on conflict on constraint job_unique_pkey do update set job = again.id, until = 'infinity', free_at = null
        where u.until <= now() or u.job = again.id;
        if not found then
            raise unique_violation using message = format('another job has the key %s', again.unique_key);
        end if;
    end if;
    insert into courant.job (
        id, seq, queue, kind, priority, args, ready_at, attempt, snoozes, max_attempts, unique_key, serial_key, tags,
        errors, created_at
    )
    values (
        again.id, place, again.queue, again.kind, again.priority, again.args, now(), again.attempt, again.attempt,
        again.max_attempts, again.unique_key, again.serial_key, again.tags, again.errors, again.created_at
    );
    perform courant.queue_tell(again.queue, again.priority, place);
    return true;
end
$function$;

revoke all on function courant.job_ended_as(int8) from public;
revoke all on function courant.job_forget_completed(int8) from public;
revoke all on function courant.job(int8) from public;
revoke all on function courant.job_untie(courant.job_tie[], bool) from public;
revoke all on function courant.job_end(int8[], int4[], text, bool) from public;
revoke all on function courant.job_complete(int8[], int4[], bool, text[]) from public;
