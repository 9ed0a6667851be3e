-- What is not as was promised, a sentence each; no rows where all is well. Locks: AccessShareLock on all tables.
with ended as materialized (
    select j.id, j.kind, j.state from courant.jobs j where j.ended_at is not null
)
select format('job %s (%s, n %s) never ended: %s', l.job, l.kind, l.n, coalesce(to_jsonb(j)::text, 'it is gone'))
from ledger l
left join courant.job j on j.id = l.job
left join ended e on e.id = l.job
where e.id is null
union all
select format('job %s (%s) ended as %s', e.id, l.kind, e.state)
from ledger l
join ended e on e.id = l.job
where e.state <> case l.kind when 'poison' then 'discarded' else 'completed' end
union all
select format('job %s (%s, n %s) had %s effects', l.job, l.kind, l.n, count(f.n))
from ledger l
left join effect f on f.n = l.n
group by l.job, l.kind, l.n
having case l.kind when 'poison' then count(f.n) <> 0 when 'outside' then count(f.n) = 0 when 'call' then count(f.n) = 0 else count(f.n) <> 1 end
union all
select format('n %s had an effect and was never committed', f.n)
from effect f
where not exists (select from ledger l where l.n = f.n)
union all
select format('job %s ended and was never committed', e.id)
from ended e
where e.kind <> 'tick' and not exists (select from ledger l where l.job = e.id)
union all
select format('the key %s is held by job %s, which has ended', s.key, s.job)
from courant.job_serial_running s
where not exists (select from courant.job j where j.id = s.job)
union all
select format('job %s ended %s times', e.id, count(*)) from ended e group by e.id having count(*) > 1
union all
select format('%s ticks were moved on, and %s jobs were enqueued for them; %s completed, with %s effects',
    t.ticks, t.jobs, t.completed, t.effects)
from (
    select (select count(*) from tick_moved) as ticks,
        (select count(*) from courant.jobs j where j.kind = 'tick') as jobs,
        (select count(*) from ended e where e.kind = 'tick' and e.state = 'completed') as completed,
        (select count(*) from tick_effect) as effects
) t
where t.ticks <> t.jobs or t.completed <> t.effects
