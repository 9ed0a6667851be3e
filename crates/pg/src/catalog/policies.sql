-- The row-level security policies that reads obey, as node trees. One row each.
-- Locks: AccessShareLock on the catalog.
select p.polrelid, p.polname, p.polqual::text
from pg_catalog.pg_policy p
where p.polcmd in ('r', '*')
    and p.polqual is not null
