-- Makes a job ($1) available that ended or waits for its time. One row: whether there was one. Locks: the job's row.
select courant.retry_job($1)
