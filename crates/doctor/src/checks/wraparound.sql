-- A row for each table whose oldest transaction number is too old.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text as object,
    case when w.age > 1073741823 then 'critical' else 'warning' end as severity,
    format('%s holds transaction numbers that are %s old, of %s', c.oid::regclass, w.age, 2147483647) as summary,
    json_build_object('age', w.age, 'share_of_range', round(w.age / 2147483647.0, 3), 'kind', w.kind)::text as evidence,
    format('vacuum (freeze) %s', c.oid::regclass) as fix_sql,
    null as undo_sql
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
    values
        ('xid', age(c.relfrozenxid)::int8, current_setting('autovacuum_freeze_max_age')::int8),
        ('mxid', mxid_age(c.relminmxid)::int8, current_setting('autovacuum_multixact_freeze_max_age')::int8)
) as w (kind, age, freeze_max)
where c.relkind in ('r', 'm', 't') and c.relfrozenxid <> '0'
    and (n.nspname = 'pg_toast' or n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_')
    -- Autovacuum sets out at freeze_max: what is well past it was not reached.
    and (w.age > 1.25 * w.freeze_max or w.age > 1073741823) and w.age < 2147483647
order by w.age desc, 1
limit 20
