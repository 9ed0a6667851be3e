-- What a request needs to call each function of the exposed schemas ($1), by oid; and aggregates that make
-- bodies of a media type. One row each.
-- Locks: AccessShareLock on the catalogs.
select
    p.oid,
    n.nspname,
    p.proname,
    p.provolatile <> 'v' as read_only,
    p.proretset,
    array(
        select pg_catalog.format_type(t.type, null)
        from unnest(p.proargtypes) with ordinality t (type, number)
        order by t.number
    ) as argument_types,
    p.proargnames,
    p.proargmodes,
    p.pronargdefaults,
    p.provariadic <> 0 as variadic,
    p.prorettype,
    pg_catalog.format_type(p.prorettype, null) as return_type,
    t.typtype,
    t.typrelid,
    c.relkind,
    (select a.typrelid from pg_catalog.pg_type a where a.oid = p.proargtypes[0]) as taken_relation,
    p.prorows = 1 as one_row,
    p.prokind = 'a' as is_aggregate,
    case when t.typtype = 'd' and t.typname like '%/%' then t.typname end as media,
    t.typbasetype = 'bytea'::regtype as is_binary,
    p.proconfig as settings
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_type t on t.oid = p.prorettype
left join pg_catalog.pg_class c on c.oid = t.typrelid
where n.nspname = any ($1)
    and (p.prokind = 'f' or p.prokind = 'a' and t.typtype = 'd' and t.typname like '%/%')
    and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
order by p.oid
