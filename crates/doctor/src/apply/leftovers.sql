-- Rows: the invalid indexes that an interrupted REINDEX CONCURRENTLY of the index $1 left on its table.
-- Locks: catalogs, access share.
select l.indexrelid::regclass::text
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_index l on l.indrelid = i.indrelid and not l.indisvalid
join pg_class n on n.oid = l.indexrelid
where i.indexrelid = to_regclass($1) and n.relname ~ '_cc(new|old)[0-9]*$'
    and starts_with(n.relname::text, left(c.relname::text, 50))
