-- A row for each table that wastes 50 MB and more than half of itself.
-- Locks: catalogs, access share.
with tables as (
    select
        c.oid, c.relpages, c.reltuples,
        coalesce((select option_value::float8 from pg_options_to_table(c.reloptions) where option_name = 'fillfactor'), 100) / 100
            as fill,
        sum(s.avg_width * (1 - s.null_frac)) as row_bytes, count(s.attname) as known, count(*) as columns
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited
    where c.relkind = 'r' and c.relpages > 6400 and c.reltuples >= 0 and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    group by c.oid, c.relpages, c.reltuples, c.reloptions
)
select
    t.oid::regclass::text as object,
    'notice' as severity,
    format('%s takes %s, and %s would hold it', t.oid::regclass, pg_size_pretty(z.bytes), pg_size_pretty(z.expected_bytes))
        as summary,
    json_build_object('size_bytes', z.bytes, 'expected_bytes', z.expected_bytes, 'method', 'estimated')::text as evidence,
    format('vacuum (full, analyze) %s', t.oid::regclass) as fix_sql,
    null as undo_sql
from tables t
cross join lateral (
    select
        t.relpages * current_setting('block_size')::int8 as bytes,
        -- A row's header, its line pointer, and what alignment takes on the average.
        ceil(t.reltuples * (t.row_bytes + 24 + 4 + 2 * t.columns) / t.fill + 65536)::int8 as expected_bytes
) z
where t.known = t.columns and z.bytes > 2 * z.expected_bytes and z.bytes - z.expected_bytes > 52428800
order by z.bytes - z.expected_bytes desc, 1
