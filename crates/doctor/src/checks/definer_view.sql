-- A row for each view that a role of $1 may read, over a table whose policies do not bind the view's owner.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text as object,
    'warning' as severity,
    format('%s shows %s past row-level security', c.oid::regclass, t.tables) as summary,
    json_build_object('owner', c.relowner::regrole::text, 'tables', t.tables)::text as evidence,
    case when current_setting('server_version_num')::int >= 150000 then
        format('alter view %s set (security_invoker = true)', c.oid::regclass)
    end as fix_sql,
    case when current_setting('server_version_num')::int >= 150000 then
        format('alter view %s reset (security_invoker)', c.oid::regclass)
    end as undo_sql
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_roles o on o.oid = c.relowner
cross join lateral (
    select string_agg(distinct t.oid::regclass::text, ', ') as tables
    from pg_rewrite w
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
    join pg_class t on t.oid = d.refobjid and t.relkind in ('r', 'p') and t.relrowsecurity
    where w.ev_class = c.oid
        and (o.rolsuper or o.rolbypassrls or t.relowner = c.relowner and not t.relforcerowsecurity)
) t
where c.relkind = 'v' and t.tables is not null and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and not coalesce(
        (select q.option_value::bool from pg_options_to_table(c.reloptions) q where q.option_name = 'security_invoker'), false
    )
    and exists (
        select from aclexplode(c.relacl) x left join pg_roles r on r.oid = x.grantee
        where x.grantee = any ($1::oid[]) and x.privilege_type = 'SELECT'
            and not coalesce(r.rolbypassrls or r.rolsuper, false)
    )
order by 1
