-- Every relation that holds rows, stands for some, or counts: system ones too, because a view may consult
-- them. One row each. Locks: AccessShareLock on the catalogs.
select
    c.oid,
    n.nspname,
    c.relname,
    c.relkind,
    c.relpersistence,
    c.relrowsecurity,
    c.relreplident,
    pg_catalog.pg_has_role(c.relowner, 'usage') as mine,
    pg_catalog.pg_get_userbyid(c.relowner) as owner
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
