-- What the transaction says to the response. One row. Locks: none.
select
    nullif(pg_catalog.current_setting('response.headers', true), '') as headers,
    nullif(pg_catalog.current_setting('response.status', true), '') as status
