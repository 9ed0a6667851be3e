-- A row for each table with row-level security and no policy that a role of $1 has rights on.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text as object,
    'info' as severity,
    format('%s has row-level security and no policy', c.oid::regclass) as summary,
    json_build_object('forced', c.relforcerowsecurity)::text as evidence,
    null as fix_sql,
    null as undo_sql
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relrowsecurity and not exists (select from pg_policy p where p.polrelid = c.oid) and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and exists (select from aclexplode(c.relacl) x where x.grantee = any ($1::oid[]))
order by 1
