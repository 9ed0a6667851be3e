-- At most one row: the value that this share ($3) of the values of the column called $1 lie below, of a table named
-- among the words $2, as the histogram has it.
-- Locks: catalogs, access share.
select (h.bounds)[1 + floor($3 * (array_length(h.bounds, 1) - 1))::int]
from pg_stats s
cross join lateral (select s.histogram_bounds::text::text[] as bounds) h
where s.attname = $1 and s.tablename = any ($2) and s.histogram_bounds is not null
order by s.schemaname, s.tablename
limit 1
