-- A row for each plain b-tree that wastes 10 MB and more than half of itself.
-- Locks: catalogs, access share.
with trees as (
    select
        i.indexrelid, i.indrelid, c.relpages, c.reltuples,
        sum(s.avg_width + case when s.avg_width % 8 = 0 then 0 else 8 - s.avg_width % 8 end) as key_bytes,
        count(s.attname) as known, i.indnatts as columns
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    join pg_namespace n on n.oid = c.relnamespace
    join pg_am m on m.oid = c.relam and m.amname = 'btree'
    join pg_class t on t.oid = i.indrelid
    join pg_namespace tn on tn.oid = t.relnamespace
    cross join lateral unnest(string_to_array(i.indkey::text, ' ')::int2[]) as u (attnum)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.attnum
    left join pg_stats s on s.schemaname = tn.nspname and s.tablename = t.relname and s.attname = a.attname and not s.inherited
    where i.indisvalid and i.indexprs is null and c.relkind = 'i' and c.relpages > 1280 and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    group by i.indexrelid, i.indrelid, c.relpages, c.reltuples, i.indnatts
)
select
    t.indexrelid::regclass::text as object,
    'notice' as severity,
    format('%s takes %s, and %s would hold it', t.indexrelid::regclass, pg_size_pretty(z.bytes), pg_size_pretty(z.expected_bytes))
        as summary,
    json_build_object(
        'table', t.indrelid::regclass::text, 'size_bytes', z.bytes, 'expected_bytes', z.expected_bytes, 'method', 'estimated'
    )::text as evidence,
    format('reindex index concurrently %s', t.indexrelid::regclass) as fix_sql,
    null as undo_sql
from trees t
cross join lateral (
    select
        t.relpages * current_setting('block_size')::int8 as bytes,
        -- Eight bytes of header and four of line pointer for each entry; leaves are filled to nine tenths.
        ceil(t.reltuples * (t.key_bytes + 12) / 0.9 + 65536)::int8 as expected_bytes
) z
where t.known = t.columns and t.reltuples >= 0 and z.bytes > 2 * z.expected_bytes and z.bytes - z.expected_bytes > 10485760
order by z.bytes - z.expected_bytes desc, 1
