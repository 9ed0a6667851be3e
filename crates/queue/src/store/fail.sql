-- Fails runs: jobs ($1), attempts ($2), what went wrong ($3), and after how many seconds to try again ($4; null: never).
-- One row: the ids whose runs had not been given to somebody else. Locks: the rows of the jobs.
select courant.job_fail($1, $2, $3, $4)
