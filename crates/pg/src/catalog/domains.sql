-- Domains that check their values, with the type below and the checks as node trees. One row per check,
-- and one with null for a domain that has none of its own. Locks: AccessShareLock on the catalogs.
select t.oid, t.typbasetype, k.conbin::text
from pg_catalog.pg_type t
left join pg_catalog.pg_constraint k on k.contypid = t.oid and k.contype = 'c'
where t.typtype = 'd'
    and t.oid >= 16384
