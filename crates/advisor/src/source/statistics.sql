-- One row for each column that has statistics and that this role may read, as the view pg_stats shows them.
-- Locks: none beyond ACCESS SHARE on catalogs.
select schemaname, tablename, attname, inherited, null_frac, avg_width, n_distinct,
       most_common_vals::text, most_common_freqs::text, histogram_bounds::text, correlation,
       most_common_elems::text, most_common_elem_freqs::text, elem_count_histogram::text
from pg_stats
where schemaname not in ('pg_catalog', 'information_schema', 'pg_toast')
