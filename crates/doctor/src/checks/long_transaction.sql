-- A row for each transaction that has been open for an hour, prepared ones too.
-- Locks: catalogs, access share.
select
    'pid ' || a.pid as object,
    'warning' as severity,
    format('%s (%s) has had a transaction open for %s', coalesce(nullif(a.application_name, ''), 'a session'), a.usename,
        date_trunc('second', now() - a.xact_start)) as summary,
    json_build_object('pid', a.pid, 'user', a.usename, 'age_s', extract(epoch from now() - a.xact_start)::int8)::text as evidence,
    null as fix_sql,
    null as undo_sql
from pg_stat_activity a
where a.datname = current_database() and a.state = 'active' and a.backend_type = 'client backend'
    and now() - a.xact_start > $4 * interval '1 second'
union all
select
    'prepared ' || p.gid, 'critical', format('the prepared transaction %s waits since %s', p.gid, p.prepared),
    json_build_object('gid', p.gid, 'owner', p.owner, 'prepared', p.prepared)::text,
    format('rollback prepared %L', p.gid), null
from pg_prepared_xacts p
where p.database = current_database() and now() - p.prepared > $4 * interval '1 second'
order by 1
