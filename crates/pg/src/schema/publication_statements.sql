-- The statements that make the publication of that name ($1), empty, and that make an existing one publish every
-- kind of change under each partition's own name. One row. Locks: none.
select
    format('create publication %I with (publish = %L, publish_via_partition_root = false)', $1, kinds) as creation,
    format('alter publication %I set (publish = %L, publish_via_partition_root = false)', $1, kinds) as repair
from (values ('insert, update, delete, truncate')) as k (kinds)
