-- Cancels a job ($1). One row: cancelled, requested (it runs), or null where there is none. Locks: the job's row.
select courant.cancel_job($1)
