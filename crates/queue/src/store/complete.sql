-- Completes runs: jobs ($1) and attempts ($2); $3: whether the jobs are kept among those that ended. One row: the ids
-- whose runs had not been given to somebody else. Locks: the rows of the jobs.
select courant.job_complete($1, $2, $3)
