-- Calls: searched by telephone number, imported and moved on many at a time.

-- Under a row-level policy no index serves `like`: it is not leakproof, so every row must pass the policy first
-- (PostgreSQL, "Rules and Privileges"). This function runs with its owner's rights, keeps to the organizations of
-- whoever asks by itself, and so may ask a trigram index. Where no trigram index is, it is as slow as before.
create function public.search_calls_optimized(p_phone text default null, p_status text default null, p_limit integer default 50)
returns setof public.vapi_calls
language plpgsql stable security definer rows 50 set search_path = public, pg_temp
as $$
declare
    -- What is typed is text, not a pattern.
    pattern constant text := '%' || replace(replace(replace(p_phone, '\', '\\'), '%', '\%'), '_', '\_') || '%';
    orgs constant uuid[] := array(select m.org_id from public.memberships m where m.user_id = auth.uid());
    most constant integer := least(greatest(coalesce(p_limit, 50), 0), 1000);
begin
    -- A query for each question, so that each has a plan and an index of its own.
    if p_phone is null and p_status is null then
        return query
        select c.* from public.vapi_calls c
        where c.org_id = any (orgs)
        order by c.created_at desc limit most;
    elsif p_phone is null then
        return query
        select c.* from public.vapi_calls c
        where c.org_id = any (orgs) and c.status = p_status
        order by c.created_at desc limit most;
    elsif p_status is null then
        return query
        select c.* from public.vapi_calls c
        where c.org_id = any (orgs) and c.phone_number like pattern
        order by c.created_at desc limit most;
    else
        return query
        select c.* from public.vapi_calls c
        where c.org_id = any (orgs) and c.phone_number like pattern and c.status = p_status
        order by c.created_at desc limit most;
    end if;
end
$$;

-- Inserts a file's calls in one statement, as whoever asks; says how many. `calls` is an array of objects with the
-- table's columns; what is left out takes its default.
create function public.insert_call_batch(calls jsonb) returns integer
language sql volatile
as $$
    with inserted as (
        insert into public.vapi_calls (
            org_id, bot_profile_id, phone_number, customer_name, status, priority, duration, ended_reason, summary,
            recording_url, started_at, ended_at, created_at
        )
        select
            c.org_id, c.bot_profile_id, c.phone_number, c.customer_name, coalesce(c.status, 'pending'),
            coalesce(c.priority, 'normal'), c.duration, c.ended_reason, c.summary, c.recording_url, c.started_at,
            c.ended_at, coalesce(c.created_at, now())
        from jsonb_to_recordset(calls) as c (
            org_id uuid, bot_profile_id bigint, phone_number text, customer_name text, status text, priority text,
            duration integer, ended_reason text, summary text, recording_url text, started_at timestamptz,
            ended_at timestamptz, created_at timestamptz
        )
        returning 1
    )
    select count(*)::integer from inserted
$$;

-- Gives many calls a status in one statement, as whoever asks; says how many had another.
create function public.batch_update_call_status(call_ids uuid[], status text) returns integer
language sql volatile
as $$
    with updated as (
        update public.vapi_calls c
        set status = batch_update_call_status.status
        where c.call_id = any (batch_update_call_status.call_ids)
            and c.status is distinct from batch_update_call_status.status
        returning 1
    )
    select count(*)::integer from updated
$$;

revoke execute on function
    public.search_calls_optimized(text, text, integer), public.insert_call_batch(jsonb),
    public.batch_update_call_status(uuid[], text)
from public;
grant execute on function
    public.search_calls_optimized(text, text, integer), public.insert_call_batch(jsonb),
    public.batch_update_call_status(uuid[], text)
to authenticated, service_role;
