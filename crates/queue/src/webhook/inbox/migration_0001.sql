-- Makes the inbox of webhooks, and what fills it. No rows. Locks: none that readers or writers of other schemas could
-- meet. Nobody is granted anything.

-- Events that came, by the address they came to and what they are known by. What was said of one stands in its job.
create table courant.webhook_inbox (
    path text collate "C" not null,
    event text collate "C" not null,
    job int8,
    received_at timestamptz not null default pg_catalog.now(),
    primary key (path, event)
) with (fillfactor = 80);

create index webhook_inbox_time on courant.webhook_inbox (received_at);

-- Keeps what is new of these events, and enqueues its jobs in the same transaction. Returns their places in the arrays.
-- Names are taken in order, so that nodes that are told the same at once wait for one another and never in a circle.
create function courant.webhook_accept(paths text[], events text[], jobs text[]) returns int8[]
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    fresh int8[];
    ids int8[];
begin
    with inserted as (
        -- The place, until the job is known.
        insert into courant.webhook_inbox (path, event, job)
        select g.path, g.event, min(g.nth)
        from unnest(paths, events) with ordinality as g (path, event, nth)
        group by g.path, g.event
        order by g.path collate "C", g.event collate "C"
        on conflict do nothing
        returning webhook_inbox.job as nth
    )
    select array_agg(i.nth order by i.nth) into fresh from inserted i;
    if fresh is null then
        return '{}';
    end if;
    ids := courant.enqueue_many((
        select jsonb_agg(jobs[f.nth]::jsonb order by f.nth) from unnest(fresh) as f (nth)
    ));
    update courant.webhook_inbox i set job = ids[f.place]
    from unnest(fresh) with ordinality as f (nth, place)
    where i.path = paths[f.nth] and i.event = events[f.nth];
    return fresh;
end
$function$;

revoke all on function courant.webhook_accept(text[], text[], text[]) from public;
