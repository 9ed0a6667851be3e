-- One row: the number of the entry that is written. Locks: the ledger, row exclusive.
insert into courant.doctor_ledger (finding, state, fix_sql, undo_sql, index_name)
values ($1, 'applying', $2, $3, $4)
returning id
