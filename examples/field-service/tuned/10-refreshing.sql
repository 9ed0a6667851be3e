-- When the screen on the wall is refreshed: every minute, since its hour goes on, and soon after calls have changed. Both
-- are jobs of Courant's queue (refreshing.toml), so a node must have made the queue's tables before this is run.

-- A transaction that changes a source enqueues a refresh, once, and for itself: no key makes it wait for other writers,
-- and what is rolled back enqueues nothing. The second until it starts lets a burst of changes share one refresh.
create function private.metrics_source_changed() returns trigger
language plpgsql
as $$
begin
    if current_setting('private.metrics_changed_by', true) is distinct from pg_current_xact_id()::text then
        perform set_config('private.metrics_changed_by', pg_current_xact_id()::text, true);
        perform courant.enqueue(
            'refresh_realtime_metrics', jsonb_build_object('changed_by', pg_current_xact_id()::text),
            run_at => now() + interval '1 second', serial_key => 'realtime_metrics'
        );
    end if;
    return null;
end
$$;

create trigger refresh_realtime_metrics after insert or update or delete or truncate on public.vapi_calls
for each statement execute function private.metrics_source_changed();
create trigger refresh_realtime_metrics after insert or update or delete or truncate on public.organizations
for each statement execute function private.metrics_source_changed();

-- Handles the jobs. Nothing is left to do for a change that an earlier refresh has seen.
create function public.refresh_realtime_metrics(args jsonb) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    changed_by constant xid8 := (args ->> 'changed_by')::xid8;
begin
    if not exists (
        select from public.view_refreshes r
        where r.view_name = 'mv_realtime_metrics' and pg_visible_in_snapshot(changed_by, r.snapshot)
    ) then
        perform public.refresh_materialized_views();
    end if;
end
$$;

revoke execute on function public.refresh_realtime_metrics(jsonb) from public;
grant execute on function public.refresh_realtime_metrics(jsonb) to service_role;
-- Who changes calls enqueues this, and nothing else.
select courant.queue_allow('authenticated', 'enqueue', 'refresh_realtime_metrics');
select courant.queue_allow('service_role', 'enqueue', 'refresh_realtime_metrics');
