-- Parent and child of every table inheritance and partition. One row each.
-- Locks: AccessShareLock on the catalog.
select i.inhparent, i.inhrelid
from pg_catalog.pg_inherits i
join pg_catalog.pg_class c on c.oid = i.inhparent
where c.relkind in ('r', 'p')
