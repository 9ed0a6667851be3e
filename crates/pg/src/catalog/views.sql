-- The query of every view, materialized ones too, outside the system's schemas, as a node tree. One row each.
-- Locks: AccessShareLock on the catalogs.
select r.ev_class, r.ev_action::text
from pg_catalog.pg_rewrite r
join pg_catalog.pg_class c on c.oid = r.ev_class
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where r.ev_type = '1'
    and c.relkind in ('v', 'm')
    and n.nspname not in ('pg_catalog', 'information_schema')
