-- The sales pipeline's figures, each table read once.
create function public.get_crm_stats_optimized() returns json
language sql stable parallel safe
as $$
    with by_status as (
        select status, count(*) as leads, sum(estimated_value) as value
        from public.leads
        group by status
    ),
    pipeline as (
        select
            coalesce(sum(leads), 0) as total,
            coalesce(sum(leads) filter (where status = 'won'), 0) as won,
            json_object_agg(status, leads order by status) as leads_by_status,
            sum(value) filter (where status in ('contacted', 'qualified')) as open_value,
            sum(value) filter (where status = 'won') as won_value
        from by_status
    )
    select json_build_object(
        'organizations', (select count(*) from public.organizations),
        'active_modules', (select count(*) from public.modules where is_active),
        'total_leads', pipeline.total,
        'leads_by_status', pipeline.leads_by_status,
        'pipeline_value', pipeline.open_value,
        'won_value', pipeline.won_value,
        'conversion_rate', round(100.0 * pipeline.won / nullif(pipeline.total, 0), 2),
        'customers', (select count(distinct customer_phone) from public.appointments where status = 'completed'),
        'revenue', (select sum(amount) from public.interventions where status = 'completed'),
        'open_conversations', (select count(*) from public.conversations where status = 'open')
    )
    from pipeline
$$;

revoke execute on function public.get_crm_stats_optimized() from public;
grant execute on function public.get_crm_stats_optimized() to authenticated, service_role;
