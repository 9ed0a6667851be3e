-- A row for each session that has been idle in a transaction for five minutes.
-- Locks: catalogs, access share.
select
    'pid ' || a.pid as object,
    case when now() - a.state_change > interval '1 hour' then 'warning' else 'notice' end as severity,
    format('%s (%s) has been idle in a transaction for %s', coalesce(nullif(a.application_name, ''), 'a session'), a.usename,
        date_trunc('second', now() - a.state_change)) as summary,
    json_build_object(
        'pid', a.pid, 'user', a.usename, 'idle_s', extract(epoch from now() - a.state_change)::int8,
        'timeout', current_setting('idle_in_transaction_session_timeout')
    )::text as evidence,
    format('select pg_terminate_backend(%s)', a.pid) as fix_sql,
    null as undo_sql
from pg_stat_activity a
where a.datname = current_database() and a.state like 'idle in transaction%' and now() - a.state_change > $3 * interval '1 second'
order by a.state_change
