-- A row for each schema in which PUBLIC may create.
-- Locks: catalogs, access share.
select
    n.nspname::text as object,
    'warning' as severity,
    format('everybody may create objects in the schema %I', n.nspname) as summary,
    json_build_object('owner', n.nspowner::regrole::text)::text as evidence,
    format('revoke create on schema %I from public', n.nspname) as fix_sql,
    format('grant create on schema %I to public', n.nspname) as undo_sql
from pg_namespace n
where n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_' and exists (select from aclexplode(n.nspacl) x where x.grantee = 0 and x.privilege_type = 'CREATE')
order by 1
