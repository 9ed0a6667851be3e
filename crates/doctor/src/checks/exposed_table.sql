-- A row for each table without row-level security that a role of $1 may write.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text as object,
    'critical' as severity,
    format('%s may %s %s, which has no row-level security', p.grantees, p.privileges, c.oid::regclass) as summary,
    json_build_object('grantees', p.grantees, 'privileges', p.privileges)::text as evidence,
    format('alter table %s enable row level security', c.oid::regclass) as fix_sql,
    format('alter table %s disable row level security', c.oid::regclass) as undo_sql
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
    select
        string_agg(distinct case x.grantee when 0 then 'PUBLIC' else x.grantee::regrole::text end, ', ') as grantees,
        string_agg(distinct lower(x.privilege_type), ', ') as privileges
    from aclexplode(c.relacl) x
    left join pg_roles r on r.oid = x.grantee
    where x.grantee = any ($1::oid[]) and x.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
        and not coalesce(r.rolbypassrls or r.rolsuper, false)
) p
where c.relkind in ('r', 'p') and not c.relrowsecurity and p.grantees is not null and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1
