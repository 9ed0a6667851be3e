-- One row: whether no policy of the table $1 holds this login.
-- Locks: catalogs, access share.
select not row_security_active($1)
