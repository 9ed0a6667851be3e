-- What is made, in one transaction, once there are tables of jobs: who may work outside, and a line for each tick that somebody moved on. No
-- rows. Locks: AccessExclusiveLock on courant.job_periodic for a moment.
select courant.queue_allow('anon', 'work', 'outside');

-- In the transaction that enqueues the tick's job.
create table tick_moved (name text not null, tick timestamptz not null);
create function note_tick() returns trigger language plpgsql as $$
begin
    insert into public.tick_moved values (new.name, new.tick);
    return null;
end
$$;
create trigger note_tick after update on courant.job_periodic
for each row when (new.tick > old.tick) execute function note_tick();
-- Those that came before there was a trigger. Nobody enqueues one while that is made.
insert into tick_moved select 'tick', j.created_at from courant.jobs j where j.kind = 'tick';
