-- Takes the keys of jobs that were just claimed ($1), or puts them back to wait for their keys. One row: the ids put
-- back. Locks: the keys, until the statement ends.
select courant.job_serial_take($1)
