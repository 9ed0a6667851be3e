-- Whether the example holds rows: every other table hangs on one of these two.
-- Returns one row. Locks nothing that anybody waits for.
select
    exists (select from public.organizations) or exists (select from public.users) as holds_rows
