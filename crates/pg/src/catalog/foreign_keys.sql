-- Foreign keys between relations of whatever schema, by name, because views show tables of others; a
-- partition's copy of its parent's key is left out. One row each. Locks: AccessShareLock on the catalogs.
select
    k.conname,
    k.conrelid,
    k.conkey,
    k.confrelid,
    k.confkey
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where k.contype = 'f'
    and k.conparentid = 0
order by k.conname, n.nspname, c.relname
