-- Makes the audit log: where entries arrive, the chain they are linked into, and the functions that do both.
-- No rows. Locks: none that readers or writers of other schemas could meet. Nobody is granted anything but the call
-- of audit_record, which asks who calls; the rest is granted when the log is turned on (audit_grants.sql).

-- Entries as they arrive, each in the transaction of the write that it tells of. Their numbers only say in which
-- order those of one batch are linked: a number that was rolled back is missing, and that means nothing.
create table courant.audit_inbox (
    id int8 generated always as identity primary key,
    at timestamptz not null default pg_catalog.clock_timestamp(),
    event text not null,
    client text,
    role text,
    sub text,
    method text,
    target text,
    rows int8,
    request text,
    count int8 not null default 1,
    detail text
);

-- The chain: numbered without gaps by whoever links, each entry with the hash of the one before it. The entry is
-- json and not jsonb because it is hashed as the text that it is.
create table courant.audit (
    seq int8 primary key,
    entry json not null,
    previous bytea not null,
    hash bytea not null
);

-- Where the chain begins and ends: one row. Whoever links holds its lock.
create table courant.audit_chain (
    is_one bool primary key default true check (is_one),
    first_seq int8 not null,
    first_previous bytea not null,
    last_seq int8 not null,
    last_hash bytea not null
);

insert into courant.audit_chain (first_seq, first_previous, last_seq, last_hash)
select 1, n.nothing, 0, n.nothing from (values (pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex'))) as n (nothing);

-- Records that this transaction has written, if it has. Runs as whoever the request is, so the right is not the
-- role's but the login's: PostgreSQL lets nobody but a superuser change session_user.
create function courant.audit_record(
    client text, role text, sub text, method text, target text, request text
) returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if pg_current_xact_id_if_assigned() is null then
        return;
    end if;
    if not pg_has_role(session_user, 'courant_audit', 'member') then
        raise insufficient_privilege using message = format('%s may not write to the audit log', session_user);
    end if;
    insert into courant.audit_inbox (event, client, role, sub, method, target, request, rows)
    values ('write', client, role, sub, method, target, request,
        nullif(current_setting('courant.rows', true), '')::int8);
end
$function$;

-- The hash of a row: of the hash before it, its number, and its entry as the text that it is. Its names are resolved
-- here and now, so it needs no search path of its own, and can be inlined.
create function courant.audit_hash(previous bytea, seq int8, entry json) returns bytea
language sql
stable
return pg_catalog.sha256(previous || pg_catalog.int8send(seq) || pg_catalog.convert_to(entry::text, 'UTF8'));

-- Links at most so many of the entries that have been committed, and says how many and where the chain ends now.
-- While somebody else links, it links nothing.
create function courant.audit_link(batch int4, out linked int8, out seq int8, out hash bytea)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
declare
    chain courant.audit_chain;
    entry json;
    previous bytea;
begin
    linked := 0;
    select * into chain from courant.audit_chain for update skip locked;
    if not found then
        return;
    end if;
    seq := chain.last_seq;
    hash := chain.last_hash;
    for entry in
        with taken as (
            delete from courant.audit_inbox i
            where i.id in (select w.id from courant.audit_inbox w order by w.id limit batch)
            returning i.*
        )
        select json_strip_nulls(row_to_json(t)) from taken t order by t.id
    loop
        linked := linked + 1;
        seq := seq + 1;
        previous := hash;
        hash := courant.audit_hash(previous, seq, entry);
        insert into courant.audit values (seq, entry, previous, hash);
    end loop;
    if linked > 0 then
        update courant.audit_chain set last_seq = seq, last_hash = hash;
    end if;
end
$function$;

-- Forgets what was recorded before then, from the chain's beginning on, and leaves an entry that says so: with it
-- the rest can still be verified. Runs as whoever calls it, which is for the tables' owner.
create function courant.audit_prune(before timestamptz, out pruned int8)
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $function$
declare
    chain courant.audit_chain;
    through int8;
    kept bytea;
    entry json;
    linked bytea;
begin
    pruned := 0;
    select * into strict chain from courant.audit_chain for update;
    select min(a.seq) - 1 into through from courant.audit a where (a.entry ->> 'at')::timestamptz >= before;
    through := coalesce(through, chain.last_seq);
    if through < chain.first_seq then
        return;
    end if;
    select a.hash into strict kept from courant.audit a where a.seq = through;
    delete from courant.audit a where a.seq <= through;
    get diagnostics pruned = row_count;
    entry := json_build_object(
        'at', clock_timestamp(), 'event', 'pruned', 'role', session_user, 'rows', pruned,
        'through', through, 'hash', encode(kept, 'hex')
    );
    linked := courant.audit_hash(chain.last_hash, chain.last_seq + 1, entry);
    insert into courant.audit values (chain.last_seq + 1, entry, chain.last_hash, linked);
    update courant.audit_chain
    set first_seq = through + 1, first_previous = kept, last_seq = chain.last_seq + 1, last_hash = linked;
end
$function$;

revoke all on function courant.audit_hash(bytea, int8, json) from public;
revoke all on function courant.audit_link(int4) from public;
revoke all on function courant.audit_prune(timestamptz) from public;

insert into courant.migration (number) values (2);
