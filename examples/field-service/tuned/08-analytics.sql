-- Events in order of time, a partition for each month: an old month is dropped in no time, and a question about the
-- last week reads one or two.

alter table public.analytics rename to analytics_unpartitioned;
alter table public.analytics_unpartitioned rename constraint analytics_pkey to analytics_unpartitioned_pkey;
alter table public.analytics_unpartitioned alter column id drop identity;
create sequence public.analytics_id_seq as bigint;

create table public.analytics (
    id bigint not null default nextval('public.analytics_id_seq'),
    org_id uuid not null references public.organizations (id),
    user_id uuid references public.users (id),
    event_type text not null,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default now(),
    -- Only what the partitions are made by can tell that a key is unique.
    primary key (id, created_at)
) partition by range (created_at);

alter sequence public.analytics_id_seq owned by public.analytics.id;

-- Makes the partitions from the month of `since` to the month of `until`, both UTC; says how many were missing.
-- A row of a month that has none is refused, so make them ahead: this belongs on a schedule.
create function public.make_analytics_partitions(since timestamptz, until timestamptz) returns integer
language plpgsql volatile security definer set search_path = public, pg_temp
as $$
declare
    month timestamp;
    made integer := 0;
begin
    for month in
        select generate_series(
            date_trunc('month', since at time zone 'UTC'), date_trunc('month', until at time zone 'UTC'), interval '1 month'
        )
    loop
        continue when to_regclass(format('public.%I', 'analytics_' || to_char(month, 'YYYY_MM'))) is not null;
        execute format(
            'create table public.%I partition of public.analytics for values from (%L) to (%L)',
            'analytics_' || to_char(month, 'YYYY_MM'),
            month at time zone 'UTC',
            (month + interval '1 month') at time zone 'UTC'
        );
        -- Whoever asks reads the whole, under its policy, and never a partition.
        execute format('alter table public.%I enable row level security', 'analytics_' || to_char(month, 'YYYY_MM'));
        made := made + 1;
    end loop;
    return made;
end
$$;

select public.make_analytics_partitions(
    coalesce((select min(created_at) from public.analytics_unpartitioned), now()), now() + interval '2 months'
);

insert into public.analytics (id, org_id, user_id, event_type, metadata, created_at)
select id, org_id, user_id, event_type, metadata, created_at
from public.analytics_unpartitioned
order by created_at, id;

select setval('public.analytics_id_seq', coalesce(max(id), 0) + 1, false) from public.analytics_unpartitioned;
drop table public.analytics_unpartitioned;

alter table public.analytics enable row level security;
create policy analytics_members on public.analytics for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
grant select, insert, update, delete on public.analytics to authenticated, service_role;
grant usage on sequence public.analytics_id_seq to authenticated, service_role;
revoke execute on function public.make_analytics_partitions(timestamptz, timestamptz) from public;
grant execute on function public.make_analytics_partitions(timestamptz, timestamptz) to service_role;
