-- Completes runs: jobs ($1), attempts ($2), whether the jobs are kept among those that ended ($3), and the queues that
-- they must be of, each of any where null ($4). One row: the ids whose runs had not been given to somebody else. Locks:
-- the rows of the jobs.
select courant.job_complete($1, $2, $3, $4)
