-- What is not as was promised, a sentence each; no rows where all is well. Locks: AccessShareLock on all tables.
select format('job %s (%s, n %s) never ended: %s', l.job, l.kind, l.n, coalesce(to_jsonb(j)::text, 'it is gone'))
from ledger l
left join courant.job j on j.id = l.job
where not exists (select from courant.job_ended e where e.id = l.job)
union all
select format('job %s (%s) ended as %s', e.id, l.kind, e.state)
from ledger l
join courant.job_ended e on e.id = l.job
where e.state <> case l.kind when 'poison' then 'discarded' else 'completed' end
union all
select format('job %s (%s, n %s) had %s effects', l.job, l.kind, l.n, count(f.n))
from ledger l
left join effect f on f.n = l.n
group by l.job, l.kind, l.n
having case l.kind when 'poison' then count(f.n) <> 0 when 'outside' then count(f.n) = 0 else count(f.n) <> 1 end
union all
select format('n %s had an effect and was never committed', f.n)
from effect f
where not exists (select from ledger l where l.n = f.n)
union all
select format('job %s ended and was never committed', e.id)
from courant.job_ended e
where not exists (select from ledger l where l.job = e.id)
union all
select format('the key %s is held by job %s, which has ended', s.key, s.job)
from courant.job_serial_running s
where not exists (select from courant.job j where j.id = s.job)
