-- One row for each relation of the shadow's that has a file: where it is. Locks: none beyond ACCESS SHARE on catalogs.
select n.nspname, c.relname, c.oid, c.relfilenode, c.relkind, pg_relation_filepath(c.oid)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm', 'i') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
