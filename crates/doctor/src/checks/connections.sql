-- One row where more than 80 % of the connections are taken.
-- Locks: catalogs, access share.
select
    'server' as object,
    case when u.used > 0.95 * m.max then 'critical' else 'warning' end as severity,
    format('%s of %s connections are taken', u.used, m.max) as summary,
    json_build_object('connections', u.used, 'max_connections', m.max)::text as evidence,
    null as fix_sql,
    null as undo_sql
from (select sum(numbackends)::int8 as used from pg_stat_database) u
cross join (select current_setting('max_connections')::int8 as max) m
where u.used > 0.8 * m.max
