-- Rows: for each policy that reads, and each role it is for, the table, the policy, the role ('' for PUBLIC), the table's
-- rows, the condition, and the functions in it that do not depend on the row. Built-in functions are in no dependency, so
-- those that matter are named. Locks: catalogs, access share.
select
    c.oid::regclass::text,
    p.polname::text,
    case u.role when 0 then '' else u.role::regrole::text end,
    greatest(c.reltuples, 0)::float8,
    pg_get_expr(p.polqual, p.polrelid),
    array(
        select distinct format('%s', f.oid::regproc)
        from pg_depend d
        join pg_proc f on f.oid = d.refobjid
        where d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_proc'::regclass
            and f.provolatile <> 'i' and f.pronargs = 0
    ) || array['current_setting']
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral unnest(p.polroles) as u (role)
left join pg_roles r on r.oid = u.role
where c.relrowsecurity and c.reltuples >= 1000 and c.relkind in ('r', 'p') and p.polqual is not null
    and p.polcmd in ('r', '*') and n.nspname !~ '^pg_' and not coalesce(r.rolbypassrls or r.rolsuper, false)
order by c.reltuples desc, 1, 2, 3
