-- One row for each column of the shadow's tables and indexes: how its statistics are told from others.
-- Locks: none beyond ACCESS SHARE on catalogs.
with column_type as (
  select c.oid as relation, a.attnum, n.nspname, c.relname, a.attname, a.atttypid as type, a.attcollation as collation,
         coalesce(nullif(t.typbasetype, 0), t.oid) as base, t.typtype, t.typcategory, coalesce(nullif(b.typelem, 0), 0) as element,
         case when t.typtype = 'd' then b.typtype else t.typtype end as base_kind
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_type t on t.oid = a.atttypid
  join pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
  where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'm', 'i')
    and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
)
select k.nspname, k.relname, k.attname, k.relation, k.attnum, k.type, k.collation,
       coalesce(same.equal, 0), coalesce(same.less, 0),
       case when k.base = 'tsvector'::regtype then 'text'::regtype::oid else k.element end,
       case when k.base = 'tsvector'::regtype then 98 else coalesce(element.equal, 0) end
from column_type k
left join lateral pg_temp.operators_of(k.base, k.base_kind, k.typcategory) same on true
left join lateral pg_temp.operators_of(k.element, 'b', 'N') element on k.element <> 0
