-- A row for each index that is not valid and that nobody is building.
-- Locks: catalogs, access share.
select
    i.indexrelid::regclass::text as object,
    'warning' as severity,
    format('%s on %s is invalid: it is written and never read', i.indexrelid::regclass, i.indrelid::regclass) as summary,
    json_build_object(
        'table', i.indrelid::regclass::text, 'size_bytes', c.relpages::int8 * current_setting('block_size')::int8
    )::text as evidence,
    format('drop index concurrently if exists %s', i.indexrelid::regclass) as fix_sql,
    regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX ', 'CREATE \1INDEX CONCURRENTLY IF NOT EXISTS ')
        as undo_sql
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_namespace n on n.oid = c.relnamespace
where not i.indisvalid and c.relkind = 'i' and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and not exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid)
order by 1
