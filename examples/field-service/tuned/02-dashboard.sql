-- The dashboard's figures, each table read once for all of a period's figures, and its latest calls. Only the owner of
-- an organization sees its callers' names as they are.
create function public.get_dashboard_metrics_ultra_fast(time_period text default '24h') returns json
language sql stable parallel safe
as $$
    with calls as (
        select
            count(*) as total_calls,
            count(*) filter (where status = 'completed') as completed_calls,
            count(*) filter (where status in ('missed', 'voicemail')) as missed_calls,
            count(*) filter (where priority = 'urgent') as urgent_calls,
            round(avg(duration), 1) as average_duration,
            percentile_cont(0.95) within group (order by duration) as p95_duration,
            count(distinct phone_number) as unique_callers
        from public.vapi_calls
        where created_at > now() - time_period::interval
    ),
    latest as (
        select c.call_id, c.org_id, c.customer_name, c.status, c.priority, c.duration, c.created_at
        from public.vapi_calls c
        order by c.created_at desc, c.call_id
        limit 5
    ),
    owned as (
        select m.org_id from public.memberships m where m.user_id = (select auth.uid()) and m.role = 'owner'
    )
    select json_build_object(
        'total_calls', calls.total_calls,
        'completed_calls', calls.completed_calls,
        'missed_calls', calls.missed_calls,
        'urgent_calls', calls.urgent_calls,
        'active_calls', (select count(*) from public.vapi_calls where status = 'in_progress'),
        'average_duration', calls.average_duration,
        'p95_duration', calls.p95_duration,
        'unique_callers', calls.unique_callers,
        'new_leads', (select count(*) from public.leads where created_at > now() - time_period::interval),
        'pending_appointments', (select count(*) from public.appointments where status = 'pending'),
        'sms_sent', (
            select count(*) from public.sms_logs
            where created_at > now() - time_period::interval and direction = 'outbound'
        ),
        'interventions_completed', (
            select count(*) from public.interventions where completed_at > now() - time_period::interval
        ),
        'open_alerts', (select count(*) from public.alerts where not acknowledged),
        'messages', (select count(*) from public.messages where "timestamp" > now() - time_period::interval),
        'latest_calls', (
            select coalesce(
                json_agg(
                    json_build_object(
                        'call_id', l.call_id,
                        'customer', case
                            when l.org_id in (select o.org_id from owned o) then l.customer_name
                            else public.anonymised_name(l.customer_name)
                        end,
                        'status', l.status,
                        'priority', l.priority,
                        'duration', l.duration,
                        'created_at', l.created_at
                    )
                    order by l.created_at desc, l.call_id
                ),
                '[]'
            )
            from latest l
        )
    )
    from calls
$$;

revoke execute on function public.get_dashboard_metrics_ultra_fast(text) from public;
grant execute on function public.get_dashboard_metrics_ultra_fast(text) to authenticated, service_role;
