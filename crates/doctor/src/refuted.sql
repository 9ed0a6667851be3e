-- A row for each fix that a measurement of the last 30 days spoke against, with what it said; of several, the latest counts.
-- Locks: the ledger, access share.
select l.finding, coalesce(l.measured ->> 'why', ''), l.ended_at::date::text
from (
    select distinct on (e.finding) e.finding, e.state, e.measured, e.ended_at
    from courant.doctor_ledger e
    where e.state in ('kept', 'taken back', 'undone')
    order by e.finding, e.id desc
) l
where l.state = 'taken back' and l.ended_at > now() - interval '30 days'
