-- One row for each setting that the planner looks at, in the unit that it is kept in. Locks: none.
select name, setting
from pg_settings
where (category like 'Query Tuning%'
    or name in ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers_per_gather', 'DateStyle', 'IntervalStyle',
                'TimeZone', 'standard_conforming_strings'))
  and context in ('user', 'superuser') and name <> 'plan_cache_mode'
union all
select 'search_path', current_setting('search_path')
