-- One row for each table, materialized view and index that holds rows and is not PostgreSQL's own.
-- Locks: ACCESS SHARE on each, for the moment in which its size is read.
select c.oid, n.nspname, c.relname, c.relkind, m.amname,
       coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint as pages,
       c.reltuples, c.relpages, c.relallvisible
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_am m on m.oid = c.relam
where c.relkind in ('r', 'm', 'i', 'p', 'I')
  and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  and n.nspname not like 'pg\_temp\_%' and n.nspname not like 'pg\_toast\_temp\_%'
order by c.oid
