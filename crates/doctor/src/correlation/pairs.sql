-- Rows: for each pair of the columns $1 that one large table named among the words $2 has, without extended statistics that
-- hold both: the table, its schema, name and rows, both columns and their types.
-- Locks: catalogs, access share.
select
    c.oid::regclass::text, n.nspname::text, c.relname::text, c.reltuples::float8, a.attname::text, b.attname::text,
    format_type(a.atttypid, a.atttypmod), format_type(b.atttypid, b.atttypmod)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname = any ($1)
join pg_attribute b on b.attrelid = c.oid and b.attnum > a.attnum and not b.attisdropped and b.attname = any ($1)
where c.relkind = 'r' and c.relname = any ($2) and c.reltuples >= 10000
    and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and not exists (
        select from pg_statistic_ext e
        where e.stxrelid = c.oid and a.attnum = any (e.stxkeys) and b.attnum = any (e.stxkeys)
    )
order by 1, a.attnum, b.attnum
limit 20
