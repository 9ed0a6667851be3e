-- A row for each table of 1,000 rows or more that was never analyzed, or mostly changed since.
-- Locks: catalogs, access share.
select
    s.relid::regclass::text as object,
    'notice' as severity,
    case
        when t.analyzed is null then format('%s (%s rows) was never analyzed', s.relid::regclass, greatest(s.n_live_tup, c.reltuples::int8))
        else format('%s of %s rows in %s changed since they were analyzed', s.n_mod_since_analyze, greatest(s.n_live_tup, c.reltuples::int8), s.relid::regclass)
    end as summary,
    json_build_object('rows', greatest(s.n_live_tup, c.reltuples::int8), 'changed', s.n_mod_since_analyze, 'analyzed', t.analyzed)::text as evidence,
    format('analyze %s', s.relid::regclass) as fix_sql,
    null as undo_sql
from pg_stat_user_tables s
join pg_class c on c.oid = s.relid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (select greatest(s.last_analyze, s.last_autoanalyze) as analyzed) t
where greatest(s.n_live_tup, c.reltuples::int8) >= 1000 and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
    and (
        -- Counters that were reset forget when; the planner's own numbers do not.
        t.analyzed is null and not exists (select from pg_statistic q where q.starelid = s.relid)
            and exists (select from pg_attribute a where a.attrelid = s.relid and a.attnum > 0 and not a.attisdropped)
        or s.n_mod_since_analyze > 0.5 * greatest(s.n_live_tup, c.reltuples::int8) and s.n_mod_since_analyze >= 10000
    )
order by greatest(s.n_live_tup, c.reltuples::int8) desc, 1
