-- At most one row: the schema of HypoPG, where it is installed.
-- Locks: catalogs, access share.
select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'hypopg'
