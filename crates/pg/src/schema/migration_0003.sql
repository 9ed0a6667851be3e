-- Makes the doctor's ledger: what it applied, how to take that back, and what was measured. No rows.
-- Locks: none that readers or writers of other schemas could meet.

-- A row is written and committed before the change it tells of begins, so that whoever comes after a kill knows what may
-- be half done: the rows that are still being applied.
create table courant.doctor_ledger (
    id int8 generated always as identity primary key,
    begun_at timestamptz not null default pg_catalog.clock_timestamp(),
    ended_at timestamptz,
    finding text not null,
    state text not null check (state in ('applying', 'kept', 'taken back', 'failed', 'undone')),
    fix_sql text not null,
    undo_sql text,
    -- The index that the change makes or drops, as SQL names it.
    index_name text,
    measured json
);

insert into courant.migration (number) values (3);
