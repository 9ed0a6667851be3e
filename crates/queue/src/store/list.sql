-- Jobs, the latest first, at most $1: of a queue ($2), a kind ($3) and in a state ($4), each of any where null. Rows:
-- a job each, as JSON. Locks: AccessShareLock on courant.job and courant.job_ended.
select to_jsonb(j)::text
from courant.jobs j
where ($2::text is null or j.queue = $2) and ($3::text is null or j.kind = $3) and ($4::text is null or j.state = $4)
order by j.id desc
limit $1
