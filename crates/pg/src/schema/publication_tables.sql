-- The tables that are in the publication ($1) or are wanted in it ($2) and still exist, by name, one row each,
-- with the statement that adds and the one that removes the table. Column lists and row filters, which
-- PostgreSQL 14 has not, make an entry not whole. Locks: AccessShareLock on the catalogs.
select
    c.oid,
    format('%I.%I', n.nspname, c.relname) as name,
    r.prrelid is not null as is_published,
    (to_jsonb(r) ->> 'prattrs') is null and (to_jsonb(r) ->> 'prqual') is null as is_whole,
    c.oid = any ($2) as is_wanted,
    format('alter publication %I add table only %I.%I', $1, n.nspname, c.relname) as addition,
    format('alter publication %I drop table only %I.%I', $1, n.nspname, c.relname) as removal
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_publication p on p.pubname = $1
left join pg_catalog.pg_publication_rel r on r.prpubid = p.oid and r.prrelid = c.oid
where r.prrelid is not null or c.oid = any ($2)
order by 2
