-- Which of insert (8), update (4) and delete (16) a relation ($1, $2) takes, as the sum of those numbers in "rows".
-- One row, as every statement of a request returns it.
-- Locks: AccessShareLock on the catalogs and, for the moment, on a view or foreign table.
select
    null::text as "body",
    coalesce((
        select case
            when c.relkind in ('r', 'p') then 28
            when c.relkind in ('v', 'f') then pg_catalog.pg_relation_is_updatable(c.oid, true)
            else 0
        end
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace s on s.oid = c.relnamespace
        where s.nspname = $1::text
            and c.relname = $2::text
    ), 0)::int8 as "rows",
    null::int8 as "total",
    null::text as "snapshot",
    null::text as "position"
