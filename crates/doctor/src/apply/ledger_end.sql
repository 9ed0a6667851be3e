-- No rows. Says what became of the entry $1. Locks: the ledger, row exclusive.
update courant.doctor_ledger
set state = $2, measured = coalesce(nullif($3, 'null')::json, measured), ended_at = clock_timestamp()
where id = $1
