-- The dashboards' functions, as first written: one subquery per figure, each reading its table again.

-- Figures of the period that ends now; `time_period` is an interval ('1h', '24h', '7d', '30d').
create function public.get_dashboard_metrics(time_period text default '24h') returns json
language sql stable
as $$
    select json_build_object(
        'total_calls', (select count(*) from vapi_calls where created_at > now() - time_period::interval),
        'completed_calls', (
            select count(*) from vapi_calls
            where created_at > now() - time_period::interval and status = 'completed'
        ),
        'missed_calls', (
            select count(*) from vapi_calls
            where created_at > now() - time_period::interval and status in ('missed', 'voicemail')
        ),
        'urgent_calls', (
            select count(*) from vapi_calls
            where created_at > now() - time_period::interval and priority = 'urgent'
        ),
        'active_calls', (select count(*) from vapi_calls where status = 'in_progress'),
        'average_duration', (
            select round(avg(duration), 1) from vapi_calls where created_at > now() - time_period::interval
        ),
        'p95_duration', (
            select percentile_cont(0.95) within group (order by duration) from vapi_calls
            where created_at > now() - time_period::interval
        ),
        'unique_callers', (
            select count(distinct phone_number) from vapi_calls
            where created_at > now() - time_period::interval
        ),
        'new_leads', (select count(*) from leads where created_at > now() - time_period::interval),
        'pending_appointments', (select count(*) from appointments where status = 'pending'),
        'sms_sent', (
            select count(*) from sms_logs
            where created_at > now() - time_period::interval and direction = 'outbound'
        ),
        'interventions_completed', (
            select count(*) from interventions where completed_at > now() - time_period::interval
        ),
        'open_alerts', (select count(*) from alerts where not acknowledged),
        'messages', (select count(*) from messages where "timestamp" > now() - time_period::interval)
    )
$$;

-- Figures of the sales pipeline over all time.
create function public.get_crm_stats() returns json
language sql stable
as $$
    select json_build_object(
        'organizations', (select count(*) from organizations),
        'active_modules', (select count(*) from modules where is_active),
        'total_leads', (select count(*) from leads),
        'leads_by_status', (
            select json_object_agg(s.status, s.leads)
            from (select status, count(*) as leads from leads group by status order by status) s
        ),
        'pipeline_value', (select sum(estimated_value) from leads where status in ('contacted', 'qualified')),
        'won_value', (select sum(estimated_value) from leads where status = 'won'),
        'conversion_rate', (
            select round(100.0 * (select count(*) from leads where status = 'won') / nullif(count(*), 0), 2)
            from leads
        ),
        'customers', (select count(distinct customer_phone) from appointments where status = 'completed'),
        'revenue', (select sum(amount) from interventions where status = 'completed'),
        'open_conversations', (select count(*) from conversations where status = 'open')
    )
$$;
