-- A row for each SECURITY DEFINER function that PUBLIC may call.
-- Locks: catalogs, access share.
select
    p.oid::regprocedure::text as object,
    'notice' as severity,
    format('everybody may call %s, which runs as %s', p.oid::regprocedure, p.proowner::regrole) as summary,
    json_build_object('owner', p.proowner::regrole::text)::text as evidence,
    format('revoke execute on %s %s from public', case p.prokind when 'p' then 'procedure' else 'function' end,
        p.oid::regprocedure) as fix_sql,
    format('grant execute on %s %s to public', case p.prokind when 'p' then 'procedure' else 'function' end, p.oid::regprocedure)
        as undo_sql
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where p.prosecdef and p.prorettype <> 'trigger'::regtype and p.prorettype <> 'event_trigger'::regtype and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
        where x.grantee = 0 and x.privilege_type = 'EXECUTE'
    )
    and has_schema_privilege(0::oid, n.oid, 'usage')
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by 1
