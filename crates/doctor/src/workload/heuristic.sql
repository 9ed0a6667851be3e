-- A row for each column named in $1 of a table named in $2 that has 10,000 rows or more, where the column has many values
-- and no index begins with it.
-- Locks: catalogs, access share.
select c.oid::regclass::text, quote_ident(a.attname)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attname = any ($1) and a.attnum > 0 and not a.attisdropped
join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited
where c.relname = any ($2) and c.relkind = 'r' and c.reltuples >= 10000
    and (s.n_distinct < 0 or s.n_distinct > 100)
    and not exists (
        select from pg_index i where i.indrelid = c.oid and i.indisvalid and i.indpred is null and i.indkey[0] = a.attnum
    )
order by 1, 2
