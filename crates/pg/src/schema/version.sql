-- One row: the server's version, as a number.
-- Locks: none.
select current_setting('server_version_num')::int4
