-- A row for each table, command and role with two permissive policies or more.
-- Locks: catalogs, access share.
select
    p.polrelid::regclass::text || '.' || x.command || '.' || r.name as object,
    'info' as severity,
    format('%s policies of %s apply when %s reads or writes (%s): %s', count(*), p.polrelid::regclass, r.name, x.command,
        string_agg(quote_ident(p.polname), ', ' order by p.polname)) as summary,
    json_build_object('policies', json_agg(p.polname order by p.polname))::text as evidence,
    null as fix_sql,
    null as undo_sql
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral unnest(p.polroles) as u (role)
cross join lateral (select case u.role when 0 then 'PUBLIC' else u.role::regrole::text end as name) r
join (values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd')) as x (command, code)
    on p.polcmd in (x.code::"char", '*')
where p.polpermissive and c.relrowsecurity and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
group by p.polrelid, r.name, x.command
having count(*) > 1
order by 1
