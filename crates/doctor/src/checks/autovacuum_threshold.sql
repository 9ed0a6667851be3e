-- A row for each changing table of a million rows or more without settings of its own.
-- Locks: catalogs, access share.
select
    s.relid::regclass::text as object,
    'notice' as severity,
    format('%s waits for %s dead rows before it is vacuumed; it changes about %s a day', s.relid::regclass, t.waits_for,
        round(t.churn_day)) as summary,
    json_build_object('rows', greatest(s.n_live_tup, c.reltuples::int8), 'waits_for', t.waits_for, 'changes_a_day', round(t.churn_day), 'dead', s.n_dead_tup)::text
        as evidence,
    format(
        'alter table %s set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = %s)', s.relid::regclass,
        least(greatest(t.churn_day / 4, 1000), 0.05 * greatest(s.n_live_tup, c.reltuples::int8))::int8
    ) as fix_sql,
    format('alter table %s reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)', s.relid::regclass) as undo_sql
from pg_stat_user_tables s
join pg_class c on c.oid = s.relid
join pg_namespace n on n.oid = c.relnamespace
cross join (
    select greatest(extract(epoch from now() - coalesce(d.stats_reset, pg_postmaster_start_time())), 3600)::float8 as age_s
    from pg_stat_database d where d.datname = current_database()
) a
cross join lateral (
    select
        (current_setting('autovacuum_vacuum_threshold')::float8
            + current_setting('autovacuum_vacuum_scale_factor')::float8 * greatest(s.n_live_tup, c.reltuples::int8))::int8 as waits_for,
        86400 * (s.n_tup_upd + s.n_tup_del) / a.age_s as churn_day
) t
where greatest(s.n_live_tup, c.reltuples::int8) >= 1000000 and s.n_tup_upd + s.n_tup_del > 0.02 * greatest(s.n_live_tup, c.reltuples::int8) and t.waits_for > 0.1 * greatest(s.n_live_tup, c.reltuples::int8)
    and not coalesce(c.reloptions::text ~ 'autovacuum_vacuum_(scale_factor|threshold)', false) and n.nspname not in ('pg_catalog', 'information_schema', 'courant') and n.nspname !~ '^pg_'
order by greatest(s.n_live_tup, c.reltuples::int8) desc, 1
