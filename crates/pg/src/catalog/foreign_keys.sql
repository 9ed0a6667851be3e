-- Foreign keys between relations of the exposed schemas ($1), by name; a partition's copy of its parent's
-- key is left out. One row each. Locks: AccessShareLock on the catalogs.
select
    k.conname,
    k.conrelid,
    k.conkey,
    k.confrelid,
    k.confkey
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class fc on fc.oid = k.confrelid
join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace
where k.contype = 'f'
    and k.conparentid = 0
    and n.nspname = any ($1)
    and fn.nspname = any ($1)
order by k.conname, n.nspname, c.relname
