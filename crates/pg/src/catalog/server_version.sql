-- The server's version as a number. One row. Locks: none.
select current_setting('server_version_num')::int4
