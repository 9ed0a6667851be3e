-- A row for each materialized view or foreign table that a role of $1 may read.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text as object,
    'notice' as severity,
    format('%s may read all of %s, a %s', p.grantees, c.oid::regclass,
        case c.relkind when 'm' then 'materialized view' else 'foreign table' end) as summary,
    json_build_object('grantees', p.grantees)::text as evidence,
    null as fix_sql,
    null as undo_sql
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
    select string_agg(distinct case x.grantee when 0 then 'PUBLIC' else x.grantee::regrole::text end, ', ') as grantees
    from aclexplode(c.relacl) x
    left join pg_roles r on r.oid = x.grantee
    where x.grantee = any ($1::oid[]) and x.privilege_type = 'SELECT' and not coalesce(r.rolbypassrls or r.rolsuper, false)
) p
where c.relkind in ('m', 'f') and p.grantees is not null and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
order by 1
