-- Operators and the functions behind them. One row each. Locks: AccessShareLock on the catalog.
select o.oid, o.oprname, o.oprcode::oid, o.oprleft, o.oprright
from pg_catalog.pg_operator o
where o.oprcode <> 0
