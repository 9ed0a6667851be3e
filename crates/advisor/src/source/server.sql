-- One row: what kind of server this is, and how the database sorts. Locks: none.
select current_setting('server_version_num')::int / 10000, current_setting('block_size'),
       pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, coalesce(to_jsonb(d) ->> 'datlocprovider', 'c')
from pg_database d
where d.datname = current_database()
