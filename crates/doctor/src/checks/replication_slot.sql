-- A row for each inactive slot that holds 64 MB of log or more, or has lost it.
-- Locks: catalogs, access share.
select
    s.slot_name::text as object,
    case when h.held > 10737418240 or s.wal_status in ('unreserved', 'lost') then 'critical' else 'warning' end as severity,
    format('the slot %I is not read by anybody and holds %s of log', s.slot_name, pg_size_pretty(h.held)) as summary,
    json_build_object('held_bytes', h.held, 'type', s.slot_type, 'wal_status', s.wal_status)::text as evidence,
    format('select pg_drop_replication_slot(%L)', s.slot_name) as fix_sql,
    null as undo_sql
from pg_replication_slots s
cross join lateral (
    select pg_wal_lsn_diff(
        case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, s.restart_lsn
    ) as held
) h
where not s.active and (h.held >= 67108864 or s.wal_status = 'lost')
order by h.held desc, 1
