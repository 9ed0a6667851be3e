-- How values of domains are spoken of: implicit casts by a function from a domain to json, and to it from json or text.
-- PostgreSQL itself ignores casts of domains. One row each. Locks: AccessShareLock on the catalogs.
select
    case when s.typtype = 'd' then s.oid else t.oid end as domain,
    case when s.typtype = 'd' then 'shown' when s.oid = 'json'::regtype then 'of_json' else 'of_text' end as way,
    p.oid,
    n.nspname,
    p.proname
from pg_catalog.pg_cast c
join pg_catalog.pg_type s on s.oid = c.castsource
join pg_catalog.pg_type t on t.oid = c.casttarget
join pg_catalog.pg_proc p on p.oid = c.castfunc
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where c.castcontext = 'i'
    and c.castmethod = 'f'
    and (
        s.typtype = 'd' and t.oid = 'json'::regtype
        or t.typtype = 'd' and s.oid in ('json'::regtype, 'text'::regtype)
    )
