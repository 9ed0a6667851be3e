-- Makes the functions that end a run of a job, each for many runs at once. No rows. They run as whoever calls them.
-- Locks: none that readers or writers of other schemas could meet.
--
-- A run is named by the job's id and its attempt. A report on a run that is over is passed over: the ids that are
-- returned are those whose report was taken. The settings of the functions keep a plan that was made while the table
-- was small from reading all of it once it is large.

-- Adds to the history of errors, of which the last ten are kept.
create function courant.job_errors(errors jsonb, attempt int4, said text) returns jsonb
language sql
volatile
begin atomic
    select (case when jsonb_array_length(errors) >= 10 then errors - 0 else coalesce(errors, '[]') end)
        || jsonb_build_object('attempt', attempt, 'at', clock_timestamp(), 'error', "left"(said, 2000));
end;

-- Makes the first job available that waits for this key. Keeps its place in the order.
create function courant.job_serial_release(queue text, key text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $function$
declare
    freed record;
begin
    update courant.job j set due = null
    where j.id = (
        select w.id from courant.job w
        where w.queue = job_serial_release.queue and w.serial_key = key and w.due = 'infinity' and w.after is null
        order by w.id
        limit 1
        for update
    )
    returning j.priority, j.seq into freed;
    if found then
        perform courant.queue_tell(queue, freed.priority, freed.seq);
    end if;
end
$function$;

-- Takes the keys of jobs that were just claimed, and puts those whose key another job has back to wait for it.
-- Returns the ids of the ones put back.
create function courant.job_serial_take(ids int8[]) returns int8[]
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $function$
declare
    claimed record;
    holder int8;
    put_back int8[] := '{}';
begin
    for claimed in
        select j.id, j.queue, j.serial_key from courant.job j
        where j.id = any (ids) and j.serial_key is not null
        order by j.queue, j.serial_key, j.id
    loop
        loop
            insert into courant.job_serial_running values (claimed.queue, claimed.serial_key, claimed.id)
            on conflict do nothing;
            -- Locked: it cannot be given up before this is committed, and whoever does then finds what waits.
            select s.job into holder from courant.job_serial_running s
            where s.queue = claimed.queue and s.key = claimed.serial_key
            for update;
            exit when found;
        end loop;
        if holder <> claimed.id then
            update courant.job j
            set due = 'infinity', lease_until = null, worker = null, snoozes = j.snoozes + 1
            where j.id = claimed.id;
            put_back := put_back || claimed.id;
        end if;
    end loop;
    return put_back;
end
$function$;

-- Ends runs, or where an attempt is null jobs whether they run or not, in that state; and with them what depends on
-- them.
create function courant.job_end(ids int8[], attempts int4[], ended_as text, keep bool) returns int8[]
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    taken int8[];
    followed int8[];
    serial text[];
    one text;
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
    ), freed as (
        delete from courant.job_unique u using gone g
        where g.unique_key is not null and u.kind = g.kind and u.key = g.unique_key and u.job = g.id
            and coalesce(u.free_at, '-infinity') <= now()
    ), held as (
        update courant.job_unique u set until = u.free_at from gone g
        where g.unique_key is not null and u.kind = g.kind and u.key = g.unique_key and u.job = g.id
            and u.free_at > now()
    ), given as (
        delete from courant.job_serial_running s using gone g
        where g.serial_key is not null and s.queue = g.queue and s.key = g.serial_key and s.job = g.id
    )
    select
        coalesce(array_agg(g.id), '{}'),
        array_agg(g.id) filter (where g.is_followed),
        array_agg(distinct g.queue || ' ' || g.serial_key) filter (where g.serial_key is not null)
    into taken, followed, serial
    from gone g;
    foreach one in array coalesce(serial, '{}') loop
        perform courant.job_serial_release(split_part(one, ' ', 1), substr(one, strpos(one, ' ') + 1));
    end loop;
    if followed is not null then
        perform courant.job_follow(followed, ended_as = 'completed');
    end if;
    return taken;
end
$function$;

-- Makes jobs available that waited for these, or cancels them where these were not completed.
create function courant.job_follow(ended int8[], completed bool) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $function$
declare
    followers int8[];
    freed record;
begin
    if not completed then
        with told as (
            update courant.job j
            set errors = courant.job_errors(j.errors, j.attempt, format('the job before it, %s, did not complete', j.after))
            where j.after = any (ended)
            returning j.id
        )
        select array_agg(t.id) into followers from told t;
        if followers is not null then
            perform courant.job_end(followers, array_fill(null::int4, array[cardinality(followers)]), 'cancelled', true);
        end if;
        return;
    end if;
    for freed in
        update courant.job j
        set due = case when j.ready_at > now() then j.ready_at end, after = null, seq = nextval('courant.job_seq'),
            ready_at = greatest(j.ready_at, now())
        where j.after = any (ended)
        returning j.queue, j.priority, j.seq
    loop
        perform courant.queue_tell(freed.queue, freed.priority, freed.seq);
    end loop;
end
$function$;

-- Completes runs. A SQL handler calls it in its own transaction, and its effects happen exactly once.
create function courant.job_complete(ids int8[], attempts int4[], keep bool) returns int8[]
language sql
begin atomic
    select courant.job_end(ids, attempts, 'completed', keep);
end;

-- Fails runs: each job is tried again after so many seconds, or discarded where that is null or no attempt is left, or
-- cancelled where that was asked for.
create function courant.job_fail(ids int8[], attempts int4[], said text[], delays float8[]) returns int8[]
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    one record;
    taken int8[] := '{}';
    discarded int8[] := '{}';
    cancelled int8[] := '{}';
begin
    for one in
        update courant.job j
        set errors = courant.job_errors(j.errors, j.attempt, r.said),
            lease_until = case when not f.ends then null else j.lease_until end,
            due = case when not f.ends then clock_timestamp() + make_interval(secs => r.delay) end
        from unnest(ids, attempts, said, delays) as r (id, attempt, said, delay)
        join courant.job b on b.id = r.id
        cross join lateral (
            select b.cancel_requested or r.delay is null or b.attempt - b.snoozes >= b.max_attempts as ends
        ) f
        where j.id = r.id and j.attempt = r.attempt and j.lease_until is not null
        returning j.id, f.ends, j.cancel_requested
    loop
        taken := taken || one.id;
        if one.ends and one.cancel_requested then
            cancelled := cancelled || one.id;
        elsif one.ends then
            discarded := discarded || one.id;
        end if;
    end loop;
    if discarded <> '{}' then
        perform courant.job_end(discarded, array_fill(null::int4, array[cardinality(discarded)]), 'discarded', true);
    end if;
    if cancelled <> '{}' then
        perform courant.job_end(cancelled, array_fill(null::int4, array[cardinality(cancelled)]), 'cancelled', true);
    end if;
    perform courant.job_let_go(taken);
    return taken;
end
$function$;

-- Puts runs off: each job becomes available again after so many seconds, without an attempt being counted.
create function courant.job_snooze(ids int8[], attempts int4[], delays float8[]) returns int8[]
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    taken int8[];
begin
    with snoozed as (
        update courant.job j
        set lease_until = null, snoozes = j.snoozes + 1,
            due = clock_timestamp() + make_interval(secs => r.delay)
        from unnest(ids, attempts, delays) as r (id, attempt, delay)
        where j.id = r.id and j.attempt = r.attempt and j.lease_until is not null
        returning j.id
    )
    select array_agg(s.id) into taken from snoozed s;
    perform courant.job_let_go(taken);
    return coalesce(taken, '{}');
end
$function$;

-- Gives up the keys of jobs that wait again.
create function courant.job_let_go(ids int8[]) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $function$
declare
    given record;
begin
    for given in
        select j.id, j.queue, j.serial_key from courant.job j where j.id = any (ids) and j.serial_key is not null
    loop
        delete from courant.job_serial_running s
        where s.queue = given.queue and s.key = given.serial_key and s.job = given.id;
        perform courant.job_serial_release(given.queue, given.serial_key);
    end loop;
end
$function$;

-- Cancels a job. 'cancelled': it has ended. 'requested': it runs, and whoever runs it is told. Null: there is no such
-- job, or it had ended.
create function courant.cancel_job(id int8) returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
declare
    runs bool;
begin
    select j.lease_until is not null into runs from courant.job j where j.id = cancel_job.id for update;
    if not found then
        return null;
    end if;
    if runs then
        update courant.job j set cancel_requested = true where j.id = cancel_job.id;
        perform pg_logical_emit_message(true, 'courant.queue', 'cancel ' || id);
        return 'requested';
    end if;
    perform courant.job_end(array[id], array[null::int4], 'cancelled', true);
    return 'cancelled';
end
$function$;

-- Makes a job that ended, or that waits for its time, available now. Whether there was one.
create function courant.retry_job(id int8) returns bool
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
        return false;
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

-- Enqueues the job of a schedule's tick, unless somebody has. Whether it was enqueued.
create function courant.job_tick(name text, tick timestamptz, job jsonb) returns bool
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
begin
    insert into courant.job_periodic as p values (name, tick)
    on conflict on constraint job_periodic_pkey do update set tick = excluded.tick where p.tick < excluded.tick;
    if not found then
        return false;
    end if;
    perform courant.enqueue_many(jsonb_build_array(job));
    return true;
end
$function$;

revoke all on function courant.job_errors(jsonb, int4, text) from public;
revoke all on function courant.job_serial_release(text, text) from public;
revoke all on function courant.job_serial_take(int8[]) from public;
revoke all on function courant.job_end(int8[], int4[], text, bool) from public;
revoke all on function courant.job_follow(int8[], bool) from public;
revoke all on function courant.job_complete(int8[], int4[], bool) from public;
revoke all on function courant.job_fail(int8[], int4[], text[], float8[]) from public;
revoke all on function courant.job_snooze(int8[], int4[], float8[]) from public;
revoke all on function courant.job_let_go(int8[]) from public;
revoke all on function courant.cancel_job(int8) from public;
revoke all on function courant.retry_job(int8) from public;
revoke all on function courant.job_tick(text, timestamptz, jsonb) from public;
