-- How often each table was scanned, as far as sessions have reported: a row each. Takes no locks.
select relid::int8 as relation, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) as scans
from pg_stat_user_tables
