-- Unique indexes over plain columns and all rows, outside the system's schemas. One row each.
-- Locks: AccessShareLock on the catalogs.
select
    i.indrelid,
    i.indkey::int2[] as column_numbers,
    i.indnkeyatts,
    i.indisprimary,
    i.indisreplident,
    i.indimmediate,
    k.relname
from pg_catalog.pg_index i
join pg_catalog.pg_class k on k.oid = i.indexrelid
join pg_catalog.pg_namespace n on n.oid = k.relnamespace
where i.indisunique
    and i.indisvalid
    and i.indpred is null
    and i.indexprs is null
    and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
order by i.indexrelid
