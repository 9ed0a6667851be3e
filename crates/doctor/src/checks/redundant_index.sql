-- A row for each b-tree whose columns begin those of another one.
-- Locks: catalogs, access share.
with trees as (
    select
        i.indexrelid, i.indrelid, i.indnkeyatts, i.indnatts, i.indisunique, i.indisreplident, i.indisclustered, c.relpages,
        string_to_array(i.indkey::text, ' ') as columns,
        string_to_array(i.indclass::text, ' ') as classes,
        string_to_array(i.indcollation::text, ' ') as collations,
        string_to_array(i.indoption::text, ' ') as options
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    join pg_am a on a.oid = c.relam and a.amname = 'btree'
    join pg_namespace n on n.oid = c.relnamespace
    where i.indisvalid and c.relkind = 'i' and i.indexprs is null and i.indpred is null and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
)
select
    s.indexrelid::regclass::text as object,
    'notice' as severity,
    format('%s is the beginning of %s', s.indexrelid::regclass, l.indexrelid::regclass) as summary,
    json_build_object(
        'table', s.indrelid::regclass::text, 'beginning_of', l.indexrelid::regclass::text,
        'size_bytes', s.relpages::int8 * current_setting('block_size')::int8
    )::text as evidence,
    format('drop index concurrently if exists %s', s.indexrelid::regclass) as fix_sql,
    regexp_replace(pg_get_indexdef(s.indexrelid), '^CREATE INDEX ', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS ') as undo_sql
from trees s
cross join lateral (
    select l.indexrelid
    from trees l
    where l.indrelid = s.indrelid and l.indnkeyatts > s.indnkeyatts
        and l.columns[1:s.indnkeyatts] = s.columns
        and l.classes[1:s.indnkeyatts] = s.classes
        and l.collations[1:s.indnkeyatts] = s.collations
        and l.options[1:s.indnkeyatts] = s.options
        -- A short index beside a bulky one earns its place.
        and l.relpages <= 3 * greatest(s.relpages, 8)
    order by l.indnatts, l.indexrelid
    limit 1
) l
where not s.indisunique and s.indnatts = s.indnkeyatts and not s.indisreplident and not s.indisclustered
    and not exists (select from pg_constraint k where k.conindid = s.indexrelid)
order by 1
