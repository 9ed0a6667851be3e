-- The dashboards' views, as first written. A view reads with its owner's rights, past row-level security, so
-- each repeats the policies' condition.

create view public.daily_call_summary as
select
    c.org_id,
    (c.created_at at time zone 'America/Toronto')::date as day,
    count(distinct c.call_id) as total_calls,
    count(distinct c.call_id) filter (where c.status = 'completed') as completed_calls,
    count(distinct c.call_id) filter (where c.status in ('missed', 'voicemail')) as missed_calls,
    count(distinct c.call_id) filter (where c.priority = 'urgent') as urgent_calls,
    count(distinct c.phone_number) as unique_callers,
    count(distinct l.id) as transcribed_calls,
    count(distinct a.id) as appointments_booked,
    round(avg(c.duration), 1) as average_duration
from public.vapi_calls c
left join public.call_logs l on l.call_id = c.call_id
left join public.appointments a on a.call_id = c.call_id
where c.org_id in (select m.org_id from public.memberships m where m.user_id = auth.uid())
group by c.org_id, (c.created_at at time zone 'America/Toronto')::date;

create view public.priority_distribution as
select
    c.org_id,
    c.priority,
    count(*) as calls,
    round(100.0 * count(*) / (select count(*) from public.vapi_calls t where t.org_id = c.org_id), 2) as share,
    (
        select count(*)
        from public.vapi_calls o
        where o.org_id = c.org_id and o.priority = c.priority and o.status in ('pending', 'in_progress')
    ) as open_calls
from public.vapi_calls c
where c.org_id in (select m.org_id from public.memberships m where m.user_id = auth.uid())
group by c.org_id, c.priority;
