-- Functions that came with the server (object identifiers below 16384). One row each.
-- Locks: AccessShareLock on the catalog.
select p.oid, n.nspname, p.proname, p.provolatile, p.pronargs
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.oid < 16384
