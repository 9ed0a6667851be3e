-- Which of these jobs ($1) are of another queue than $2. One row. Locks: AccessShareLock on courant.job.
select coalesce(array_agg(j.id), '{}') from courant.job j where j.id = any ($1) and j.queue <> $2
