-- A row for the database, and for each table, whose oldest transaction number is too old.
-- Locks: catalogs, access share.
with ages as (
    select
        c.oid::regclass::text as object, format('vacuum (freeze) %s', c.oid::regclass) as fix_sql,
        greatest(age(c.relfrozenxid), age(nullif(t.relfrozenxid, '0'))) as xid_age,
        greatest(mxid_age(c.relminmxid), mxid_age(nullif(t.relminmxid, '0'))) as mxid_age
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    left join pg_class t on t.oid = c.reltoastrelid
    where c.relkind in ('r', 'm') and c.relfrozenxid <> '0' and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    union all
    select 'database ' || d.datname, null, age(d.datfrozenxid), mxid_age(d.datminmxid)
    from pg_database d
    where d.datname = current_database()
)
select
    a.object,
    case when w.age > 1073741823 then 'critical' else 'warning' end as severity,
    format('%s holds transaction numbers that are %s old, of %s', a.object, w.age, 2147483647) as summary,
    json_build_object('age', w.age, 'share_of_range', round(w.age / 2147483647.0, 3), 'kind', w.kind)::text as evidence,
    a.fix_sql,
    null as undo_sql
from ages a
cross join lateral (
    values
        ('xid', a.xid_age::int8, current_setting('autovacuum_freeze_max_age')::int8),
        ('mxid', a.mxid_age::int8, current_setting('autovacuum_multixact_freeze_max_age')::int8)
) as w (kind, age, freeze_max)
-- Autovacuum sets out at freeze_max: what is well past it was not reached.
where (w.age > 1.25 * w.freeze_max or w.age > 1073741823) and w.age < 2147483647
order by a.fix_sql is null desc, w.age desc, 1
limit 20
