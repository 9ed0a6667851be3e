-- A row for each permissive policy, for a role of $1, that is always true.
-- Locks: catalogs, access share.
select
    p.polrelid::regclass::text || '.' || p.polname as object,
    case when p.polcmd in ('r') then 'info' else 'critical' end as severity,
    format('%I lets %s %s every row of %s', p.polname, r.names,
        case p.polcmd when 'r' then 'read' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'change' end,
        p.polrelid::regclass) as summary,
    json_build_object('command', p.polcmd, 'roles', r.names)::text as evidence,
    null as fix_sql,
    null as undo_sql
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
    select
        string_agg(case u.role when 0 then 'PUBLIC' else u.role::regrole::text end, ', ') as names,
        bool_or(u.role = any ($1::oid[])) as is_exposed
    from unnest(p.polroles) as u (role)
    left join pg_roles q on q.oid = u.role
    where not coalesce(q.rolbypassrls or q.rolsuper, false)
) r
where p.polpermissive and c.relrowsecurity and r.is_exposed and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and 'true' in (pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    and not (p.polcmd <> 'r' and pg_get_expr(p.polqual, p.polrelid) <> 'true' and p.polwithcheck is null)
order by 1
