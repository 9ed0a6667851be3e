-- Rows: the entries in the state $1, the latest first. Locks: the ledger, access share.
select l.id, l.finding, l.undo_sql, l.index_name
from courant.doctor_ledger l
where l.state = $1
order by l.id desc
