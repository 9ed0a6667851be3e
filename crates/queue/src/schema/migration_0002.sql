-- Makes the functions that apps call: enqueue, enqueue_many, cancel_job, and those that say who may. No rows.
-- Locks: none that readers or writers of other schemas could meet.

-- Refuses a role that may not do that. Whoever owns these tables, or is a member of that role, may do anything.
create function courant.queue_check_role(asking name, wanted text, subject text) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if pg_has_role(asking, current_user, 'member') or exists (
        select from courant.queue_right r
        where r.may = wanted and r.what in ('*', subject)
            and (r.role = 'public' or exists (
                select from pg_roles g where g.rolname = r.role and pg_has_role(asking, g.oid, 'member')
            ))
    ) then
        return;
    end if;
    raise insufficient_privilege using
        message = format('role %s may not %s %s', asking, wanted,
            case wanted when 'work' then 'on the queue ' else 'jobs of the kind ' end || subject),
        hint = format('An administrator allows it: select courant.queue_allow(%L, %L, %L);', asking, wanted, subject);
end
$function$;

-- The role that the session has taken on, or else its login: who owns the function that calls does not matter, but
-- must be allowed to execute.
create function courant.queue_check_right(wanted text, subject text) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform courant.queue_check_role(
        coalesce(nullif(current_setting('role', true), 'none'), session_user), wanted, subject
    );
end
$function$;

-- Lets a role enqueue jobs of a kind or work on a queue; '*' is any.
create function courant.queue_allow(role name, may text, what text default '*') returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
begin
    insert into courant.queue_right values (role, may, what) on conflict do nothing;
    execute format('grant usage on schema courant to %s', case role when 'public' then 'public' else quote_ident(role) end);
    if may = 'enqueue' then
        execute format(
            'grant execute on function courant.enqueue(text, jsonb, text, int4, timestamptz, int4, text, interval, text, '
            'int8, text[]), courant.enqueue_many(jsonb) to %s',
            case role when 'public' then 'public' else quote_ident(role) end
        );
    end if;
end
$function$;

-- Takes that right away again. A role that may enqueue nothing may still call, and is refused.
create function courant.queue_forbid(role name, may text, what text default '*') returns void
language sql
begin atomic
    delete from courant.queue_right r
    where r.role = queue_forbid.role and r.may = queue_forbid.may and r.what = queue_forbid.what;
end;

-- Refuses what is no job.
create function courant.queue_check_job(
    kind text, args jsonb, queue text, priority int4, max_attempts int4, keys text[], tags text[]
) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    wrong text := case
        when kind is null or length(kind) not between 1 and 100 then 'kind: expected 1 to 100 characters'
        when queue is null or queue !~ '^[a-z0-9_-]{1,63}$' then 'queue: expected at most 63 of a-z, 0-9, _ and -'
        when priority is null or priority not between 0 and 9 then 'priority: expected 0 (first) to 9 (last)'
        when max_attempts is null or max_attempts not between 1 and 1000 then 'max_attempts: expected 1 to 1000'
        when args is null then 'args: expected JSON, found null'
        when pg_column_size(args) > 1048576 then 'args: expected at most 1 MiB; store it, and pass where it is'
        when cardinality(tags) > 16 then 'tags: expected at most 16'
        when exists (select from unnest(keys || tags) as t (text) where length(t.text) > 200)
            then 'a key or a tag is longer than 200 characters'
    end;
begin
    if wrong is not null then
        raise invalid_parameter_value using message = wrong;
    end if;
end
$function$;

-- Tells whoever follows the log that a job is there, once this transaction commits.
create function courant.queue_tell(queue text, priority int4, seq int8) returns void
language sql
volatile
begin atomic
    select pg_catalog.pg_logical_emit_message(true, 'courant.queue', 'job ' || queue || ' ' || priority || ' ' || seq);
end;

-- Enqueues a job in the caller's own transaction and returns its id; of a key that is taken, the id of the job that
-- has it.
create function courant.enqueue(
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
begin
    perform courant.queue_check_job(kind, args, queue, priority, max_attempts, array[unique_key, serial_key], tags);
    perform courant.queue_check_right('enqueue', kind);
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
            select e.state into ended_as from courant.job_ended e where e.id = enqueue.after;
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
        perform courant.queue_tell(queue, priority, new_id);
    end if;
    return new_id;
end
$function$;

-- Enqueues an array of objects whose names are enqueue's parameters, and returns their ids in order. One object that
-- is refused refuses all of them.
create function courant.enqueue_many(jobs jsonb) returns int8[]
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    unknown text;
    ids int8[];
begin
    if jsonb_typeof(jobs) is distinct from 'array' or jsonb_array_length(jobs) > 10000 then
        raise invalid_parameter_value using message = 'jobs: expected an array of at most 10000 objects';
    end if;
    select k.name into unknown
    from jsonb_array_elements(jobs) as j (job)
    cross join lateral jsonb_object_keys(case jsonb_typeof(j.job) when 'object' then j.job else '{"":0}' end) as k (name)
    where k.name not in (
        'kind', 'args', 'queue', 'priority', 'run_at', 'max_attempts', 'unique_key', 'unique_for', 'serial_key',
        'after', 'tags'
    )
    limit 1;
    if unknown is not null then
        raise invalid_parameter_value using message = case unknown
            when '' then 'jobs: expected objects' else format('unknown name %s', unknown) end;
    end if;
    if jsonb_path_exists(jobs, '$[*] ? (exists (@.unique_key) || exists (@.after) || exists (@.run_at))') then
        select array_agg(courant.enqueue(
            kind => r.kind, args => coalesce(r.args, '{}'), queue => coalesce(r.queue, 'default'),
            priority => coalesce(r.priority, 5), run_at => r.run_at, max_attempts => coalesce(r.max_attempts, 20),
            unique_key => r.unique_key, unique_for => r.unique_for, serial_key => r.serial_key, after => r.after,
            tags => r.tags
        ) order by r.nth) into ids
        from rows from (jsonb_to_recordset(jobs) as (
            kind text, args jsonb, queue text, priority int4, run_at timestamptz, max_attempts int4, unique_key text,
            unique_for interval, serial_key text, after int8, tags text[]
        )) with ordinality as r (
            kind, args, queue, priority, run_at, max_attempts, unique_key, unique_for, serial_key, after, tags, nth
        );
        return coalesce(ids, '{}');
    end if;
    perform courant.queue_check_job(
        r.kind, coalesce(r.args, '{}'), coalesce(r.queue, 'default'), coalesce(r.priority, 5),
        coalesce(r.max_attempts, 20), array[r.serial_key], r.tags
    ) from jsonb_to_recordset(jobs) as r (
        kind text, args jsonb, queue text, priority int4, max_attempts int4, serial_key text, tags text[]
    );
    perform courant.queue_check_right('enqueue', k.kind) from (
        select distinct j.job ->> 'kind' as kind from jsonb_array_elements(jobs) as j (job)
    ) k;
    with inserted as (
        insert into courant.job (
            id, seq, queue, kind, priority, args, ready_at, max_attempts, serial_key, tags
        )
        select n.id, n.id, n.queue, n.kind, n.priority, n.args, now(), n.max_attempts, n.serial_key, n.tags
        from (
            select nextval('courant.job_seq') as id, r.kind, coalesce(r.args, '{}') as args,
                coalesce(r.queue, 'default') as queue, coalesce(r.priority, 5) as priority,
                coalesce(r.max_attempts, 20) as max_attempts, r.serial_key, r.tags
            from jsonb_to_recordset(jobs) as r (
                kind text, args jsonb, queue text, priority int4, max_attempts int4, serial_key text, tags text[]
            )
        ) n
        returning job.id, job.queue, job.priority
    ), first as (
        select i.queue, i.priority, min(i.id) as seq from inserted i group by i.queue, i.priority
    ), telling as (
        select courant.queue_tell(f.queue, f.priority, f.seq) from first f
    )
    select array_agg(i.id order by i.id) into ids from inserted i where (select count(*) from telling) >= 0;
    return coalesce(ids, '{}');
end
$function$;

revoke all on function courant.queue_check_role(name, text, text) from public;
revoke all on function courant.queue_check_right(text, text) from public;
revoke all on function courant.queue_allow(name, text, text) from public;
revoke all on function courant.queue_forbid(name, text, text) from public;
revoke all on function courant.queue_check_job(text, jsonb, text, int4, int4, text[], text[]) from public;
revoke all on function courant.queue_tell(text, int4, int8) from public;
revoke all on function courant.enqueue(
    text, jsonb, text, int4, timestamptz, int4, text, interval, text, int8, text[]
) from public;
revoke all on function courant.enqueue_many(jsonb) from public;
