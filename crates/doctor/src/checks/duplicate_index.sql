-- A row for each index that has a twin which stays.
-- Locks: catalogs, access share.
with indexes as (
    select
        i.*, c.relam, c.relpages, c.relname,
        exists (select from pg_constraint k where k.conindid = i.indexrelid) as is_constraint,
        (i.indrelid, c.relam, i.indkey::text, i.indclass::text, i.indcollation::text, i.indoption::text,
            i.indnkeyatts, coalesce(pg_get_expr(i.indexprs, i.indrelid), ''),
            coalesce(pg_get_expr(i.indpred, i.indrelid), ''))::text as shape
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    join pg_namespace n on n.oid = c.relnamespace
    where i.indisvalid and i.indislive and c.relkind = 'i' and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
)
select
    d.indexrelid::regclass::text as object,
    'warning' as severity,
    format('%s is the same as %s', d.indexrelid::regclass, k.indexrelid::regclass) as summary,
    json_build_object(
        'table', d.indrelid::regclass::text, 'same_as', k.indexrelid::regclass::text,
        'size_bytes', d.relpages::int8 * current_setting('block_size')::int8
    )::text as evidence,
    format('drop index concurrently if exists %s', d.indexrelid::regclass) as fix_sql,
    regexp_replace(pg_get_indexdef(d.indexrelid), '^CREATE (UNIQUE )?INDEX ', 'CREATE \1INDEX CONCURRENTLY IF NOT EXISTS ')
        as undo_sql
from indexes d
cross join lateral (
    -- The one that stays: a constraint's, else a unique one, else the older one.
    select k.indexrelid
    from indexes k
    where k.shape = d.shape and k.indexrelid <> d.indexrelid
        and (k.is_constraint, k.indisunique, -k.indexrelid::int8) > (d.is_constraint, d.indisunique, -d.indexrelid::int8)
    order by k.is_constraint desc, k.indisunique desc, k.indexrelid
    limit 1
) k
where not d.is_constraint and not d.indisreplident and not d.indisclustered
order by 1
