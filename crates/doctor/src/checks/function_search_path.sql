-- A row for each SECURITY DEFINER function without a search path of its own.
-- Locks: catalogs, access share.
select
    p.oid::regprocedure::text as object,
    'warning' as severity,
    format('%s runs as %s and finds names by its caller''s search path', p.oid::regprocedure, p.proowner::regrole) as summary,
    json_build_object('owner', p.proowner::regrole::text, 'language', l.lanname)::text as evidence,
    format('alter %s %s set search_path = %s, pg_temp', case p.prokind when 'p' then 'procedure' else 'function' end,
        p.oid::regprocedure, quote_ident(n.nspname)) as fix_sql,
    format('alter %s %s reset search_path', case p.prokind when 'p' then 'procedure' else 'function' end, p.oid::regprocedure)
        as undo_sql
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where p.prosecdef and l.lanname not in ('internal', 'c') and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and not coalesce(p.proconfig::text ~* 'search_path=', false)
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by 1
