-- One row for each column of a table: its type, and whether a b-tree may keep equal values once.
-- Locks: none beyond ACCESS SHARE on catalogs.
select n.nspname, c.relname, a.attname, a.attlen,
       case a.attalign when 'c' then 1 when 's' then 2 when 'i' then 4 else 8 end as align,
       t.typcategory,
       t.typname in ('bool', 'char', 'date', 'int2', 'int4', 'int8', 'interval', 'macaddr', 'name', 'oid', 'time',
                     'timestamp', 'timestamptz', 'timetz', 'uuid', 'bytea', 'money')
         or t.typname in ('text', 'varchar', 'bpchar') and coalesce(l.collisdeterministic, true)
         or t.typtype = 'e' as deduplicates,
       exists (select from pg_opclass o where o.opcmethod = 403 and o.opcdefault
               and (o.opcintype = coalesce(nullif(t.typbasetype, 0), t.oid) or t.typname = 'varchar' or t.typtype in ('e', 'r')))
         as sortable
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_collation l on l.oid = a.attcollation
where c.relkind in ('r', 'm', 'p') and a.attnum > 0 and not a.attisdropped
  and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  and n.nspname not like 'pg\_temp\_%'
order by a.attrelid, a.attnum
