-- Forgets jobs that ended: completed ones $1 seconds ago, others $2 seconds ago, at most $3 of these and $4 batches of
-- those; and keys whose period is over. One row: whether there may be more. Locks: the rows of those jobs and keys; keys
-- that somebody else has locked, who may be about to take them again, are passed over.
with free as (
    delete from courant.job_unique u
    where u.ctid = any (array(
        select f.ctid from courant.job_unique f
        where f.until <= now() and f.until < 'infinity'
        order by f.until
        limit $3
        for update skip locked
    ))
    returning 1
), old as (
    select e.ctid as tid from courant.job_ended e
    where e.ended_at < now() - make_interval(secs => least($1::float8, $2::float8))
        and e.ended_at < now() - make_interval(secs => case e.state when 'completed' then $1::float8 else $2::float8 end)
    order by e.ended_at
    limit $3
), gone as (
    delete from courant.job_ended e where e.ctid = any (array(select o.tid from old o)) returning 1
), done as (
    select c.ctid as tid from courant.job_completed c
    where c.ended_at < now() - make_interval(secs => $1::float8)
    order by c.ended_at
    limit $4
), forgotten as (
    delete from courant.job_completed c where c.ctid = any (array(select d.tid from done d)) returning 1
)
select (select count(*) from free) >= $3 or (select count(*) from gone) >= $3 or (select count(*) from forgotten) >= $4
