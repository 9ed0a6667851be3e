-- Forgets jobs that ended: completed ones $1 seconds ago, others $2 seconds ago, at most $3; and keys whose period is
-- over. One row: how many jobs. Locks: the rows of those jobs.
with free as (
    delete from courant.job_unique u where u.until <= now()
), old as (
    select e.ctid as tid from courant.job_ended e
    where e.ended_at < now() - make_interval(secs => least($1::float8, $2::float8))
        and e.ended_at < now() - make_interval(secs => case e.state when 'completed' then $1::float8 else $2::float8 end)
    order by e.ended_at
    limit $3
), gone as (
    delete from courant.job_ended e where e.ctid = any (array(select o.tid from old o)) returning 1
)
select count(*) from gone
