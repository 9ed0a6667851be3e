-- The screen on the wall, worked out once for everybody: by organization, the calls of the hour before the refresh.

create materialized view public.mv_realtime_metrics as
select
    o.id as org_id,
    count(c.call_id) as calls_last_hour,
    count(c.call_id) filter (where c.status = 'in_progress') as active_calls,
    count(c.call_id) filter (where c.priority = 'urgent') as urgent_calls,
    percentile_cont(0.95) within group (order by c.duration) as p95_duration,
    now() as refreshed_at
from public.organizations o
left join public.vapi_calls c on c.org_id = o.id and c.created_at > now() - interval '1 hour'
group by o.id;

-- What lets it be refreshed without keeping readers out.
create unique index mv_realtime_metrics_org_id on public.mv_realtime_metrics (org_id);

-- Row-level security does not reach into a materialized view: people read this one, which keeps to their own.
create view public.realtime_metrics with (security_barrier) as
select m.org_id, m.calls_last_hour, m.active_calls, m.urgent_calls, m.p95_duration, m.refreshed_at
from public.mv_realtime_metrics m
where m.org_id = any (
    array(select s.org_id from public.memberships s where s.user_id = (select auth.uid()))
);

-- What the latest refresh has seen, for certain. No log tells of a materialized view: answers made of it depend on this.
create table public.view_refreshes (
    view_name text primary key,
    snapshot pg_snapshot not null,
    refreshed_at timestamptz not null
);
-- For nobody: it is here because what a cached answer depends on is named in an exposed schema.
alter table public.view_refreshes enable row level security;

-- Only the owner of a materialized view may refresh it.
create function public.refresh_materialized_views() returns void
language plpgsql volatile security definer set search_path = public, pg_temp
as $$
declare
    -- Taken before the refresh takes its own, which sees at least as much.
    seen constant pg_snapshot := pg_current_snapshot();
begin
    refresh materialized view concurrently public.mv_realtime_metrics;
    insert into public.view_refreshes as r (view_name, snapshot, refreshed_at)
    values ('mv_realtime_metrics', seen, now())
    on conflict (view_name) do update set snapshot = excluded.snapshot, refreshed_at = excluded.refreshed_at;
end
$$;

revoke all on public.mv_realtime_metrics from anon, authenticated;
grant select on public.mv_realtime_metrics to service_role;
grant select on public.realtime_metrics to authenticated, service_role;
revoke execute on function public.refresh_materialized_views() from public;
grant execute on function public.refresh_materialized_views() to service_role;
