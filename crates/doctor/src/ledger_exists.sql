-- One row: whether the ledger is there. Locks: none.
select to_regclass('courant.doctor_ledger') is not null
