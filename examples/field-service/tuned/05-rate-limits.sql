-- A rate limit that all of the app's servers share: the generic cell rate algorithm (ITU-T I.371), one row for each
-- identifier and one statement for each request.

-- What is lost in a crash is at most one window's count, so nothing of it is logged. Half of each page is left free
-- for updates in place.
create unlogged table private.rate_limits (
    identifier text primary key,
    -- When the bucket is empty again, if nothing more arrives.
    empties_at timestamptz not null
) with (fillfactor = 50);

-- Counts a request of `identifier`, of which `"limit"` may come in each `"window"`, evenly or at once. A refused
-- request counts for nothing.
create function public.check_rate_limit_optimized(identifier text, "limit" integer, "window" interval)
returns table (allowed boolean, remaining integer, retry_after_ms integer)
language plpgsql volatile strict security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    spacing interval;
    empties timestamptz;
begin
    if "limit" < 1 or "window" <= interval '0' then
        raise exception 'a rate limit allows at least one request in a window longer than nothing'
            using errcode = 'invalid_parameter_value';
    end if;
    spacing := "window" / "limit";
    -- The clock is read once the row is held, so that requests are counted in the order of their moments.
    insert into private.rate_limits as r (identifier, empties_at)
    values (check_rate_limit_optimized.identifier, clock_timestamp() + spacing)
    on conflict (identifier) do update
    set empties_at = greatest(r.empties_at, clock_timestamp()) + spacing
    where r.empties_at + spacing <= clock_timestamp() + "window"
    returning r.empties_at into empties;
    if found then
        allowed := true;
        retry_after_ms := 0;
    else
        -- Somebody else's request may have gone in between; the wait is then a little longer than this says.
        select r.empties_at into empties
        from private.rate_limits r
        where r.identifier = check_rate_limit_optimized.identifier;
        allowed := false;
        retry_after_ms := greatest(ceil(extract(epoch from empties + spacing - "window" - clock_timestamp()) * 1000), 1);
    end if;
    remaining := greatest(floor(extract(epoch from clock_timestamp() + "window" - empties) / extract(epoch from spacing)), 0);
    return next;
end
$$;

-- Forgets who has not asked for a while; says how many.
create function public.prune_rate_limits() returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with gone as (
        delete from private.rate_limits r where r.empties_at < clock_timestamp() returning 1
    )
    select count(*)::integer from gone
$$;

revoke execute on function
    public.check_rate_limit_optimized(text, integer, interval), public.prune_rate_limits()
from public;
-- Whoever could name an identifier could use up another's limit: the app's servers ask, never a browser.
grant execute on function
    public.check_rate_limit_optimized(text, integer, interval), public.prune_rate_limits()
to service_role;
