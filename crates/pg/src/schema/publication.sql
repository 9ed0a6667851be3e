-- The publication of that name ($1), if it exists: whether it covers all tables, and whether it publishes
-- everything under each partition's own name. Locks: AccessShareLock on the catalog.
select
    p.puballtables,
    p.pubinsert and p.pubupdate and p.pubdelete and p.pubtruncate and not p.pubviaroot as is_plain
from pg_catalog.pg_publication p
where p.pubname = $1
