-- Rows: for each set-returning function in SQL that is one SELECT of a large table and may not be made part of the query that
-- calls it: the function with its types, its bare name, a call with nulls, why not (in words), and whether STABLE would be all that it lacks. A
-- body that names a volatile function is not said to lack only that. Locks: catalogs, access share.
select
    p.oid::regprocedure::text, p.proname::text,
    format('%s(%s)', p.oid::regproc, array_to_string(array(
        select 'null::' || format_type(t.type, null)
        from unnest(p.proargtypes::oid[]) with ordinality as t (type, at) order by t.at
    ), ', ')),
    array_to_string(array_remove(array[
        case when p.provolatile = 'v' then 'it is VOLATILE, as every function that does not say otherwise' end,
        case when p.prosecdef then 'it runs with its owner''s rights (SECURITY DEFINER)' end,
        case when p.proisstrict then 'it is STRICT' end,
        case when p.proconfig is not null then 'it sets ' || split_part(p.proconfig[1], '=', 1) end
    ], null), ', and '),
    p.provolatile = 'v' and not p.prosecdef and not p.proisstrict and p.proconfig is null and not exists (
        select from pg_proc f where f.provolatile = 'v' and f.oid <> p.oid and f.proname = any (b.words)
    ),
    t.relation, t.rows
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
cross join lateral (
    select regexp_split_to_array(lower(regexp_replace(p.prosrc, '[^[:alnum:]_]+', ' ', 'g')), ' ') as words
) b
cross join lateral (
    select c.oid::regclass::text as relation, c.reltuples::float8 as rows
    from pg_class c
    where c.relkind in ('r', 'p') and c.reltuples >= 10000 and c.relname = any (b.words)
    order by c.reltuples desc
    limit 1
) t
where l.lanname = 'sql' and p.proretset and p.prokind = 'f' and n.nspname not in ('pg_catalog', 'information_schema', 'courant')
    and n.nspname !~ '^pg_' and (p.provolatile = 'v' or p.prosecdef or p.proisstrict or p.proconfig is not null)
    and p.prosrc ~* '^\s*(select|with)\y' and p.prosrc !~ ';\s*\S'
    and not (b.words && array['insert', 'update', 'delete', 'merge'])
    and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
order by t.rows desc, 1
limit 100
