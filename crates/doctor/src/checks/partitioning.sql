-- A row for each table of 100 million rows or 100 GB that is ordered along a time.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text as object,
    'notice' as severity,
    format('%s has %s rows, laid down along %I: partition it by that', c.oid::regclass, c.reltuples::int8, a.attname) as summary,
    json_build_object(
        'rows', c.reltuples::int8, 'size_bytes', c.relpages::int8 * current_setting('block_size')::int8,
        'column', a.attname, 'correlation', round(s.correlation::numeric, 3)
    )::text as evidence,
    format(
        'create table %1$I.%2$I (like %3$s including defaults including generated) partition by range (%4$I);' || E'\n'
        || 'create table %1$I.%5$I partition of %1$I.%2$I for values from (%6$L) to (%7$L)',
        n.nspname, c.relname || '_partitioned', c.oid::regclass, a.attname, c.relname || to_char(now(), '_YYYY_MM'),
        date_trunc('month', now())::date, (date_trunc('month', now()) + interval '1 month')::date
    ) as fix_sql,
    null as undo_sql
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
    select a.attname
    from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atttypid in (1082, 1114, 1184) and a.attnotnull
    order by a.attnum limit 1
) a
left join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited
where c.relkind = 'r' and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and (c.reltuples >= 100000000 or c.relpages::int8 * current_setting('block_size')::int8 >= 107374182400)
    and coalesce(abs(s.correlation), 1) > 0.8
order by c.reltuples desc, 1
