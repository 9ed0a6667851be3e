-- Functions, procedures and aggregates that users and extensions made, with whatever of their bodies can be
-- read. One row each. Locks: AccessShareLock on the catalogs.
select
    p.oid,
    n.nspname,
    p.proname,
    p.provolatile,
    l.lanname,
    case when l.lanname in ('c', 'internal') then '' else p.prosrc end as source,
    p.prosqlbody::text as body,
    p.proargdefaults::text as defaults,
    (select coalesce(max(t.type), 0) from unnest(p.proargtypes || p.prorettype) t (type)) < 16384 as plain,
    x.extname,
    array[
        a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
        a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn
    ]::oid[] as parts
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
left join pg_catalog.pg_aggregate a on a.aggfnoid = p.oid
left join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_proc'::regclass
    and d.objid = p.oid
    and d.refclassid = 'pg_catalog.pg_extension'::regclass
    and d.deptype = 'e'
left join pg_catalog.pg_extension x on x.oid = d.refobjid
where p.oid >= 16384
