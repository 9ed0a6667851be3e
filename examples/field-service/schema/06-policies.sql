-- Rights, and row-level security: a row belongs to an organization, and its members see it.

grant usage on schema public, auth to anon, authenticated, service_role;

-- Functions are open to everybody by default.
revoke execute on function public.get_dashboard_metrics(text), public.get_crm_stats() from public;
grant execute on function public.get_dashboard_metrics(text), public.get_crm_stats() to authenticated, service_role;

grant select on public.organizations, public.bot_profiles to anon;
grant select on all tables in schema public to authenticated;
grant update (full_name, phone_number, locale, last_seen_at) on public.users to authenticated;
grant insert, update, delete on
    public.modules, public.bot_profiles, public.vapi_calls, public.call_logs, public.leads, public.appointments,
    public.interventions, public.sms_logs, public.alerts, public.analytics, public.whatsapp_accounts,
    public.conversations, public.messages
to authenticated;
grant select, insert, update, delete on all tables in schema public to service_role;

alter table public.organizations enable row level security;
alter table public.users enable row level security;
alter table public.memberships enable row level security;
alter table public.modules enable row level security;
alter table public.bot_profiles enable row level security;
alter table public.vapi_calls enable row level security;
alter table public.call_logs enable row level security;
alter table public.leads enable row level security;
alter table public.appointments enable row level security;
alter table public.interventions enable row level security;
alter table public.sms_logs enable row level security;
alter table public.alerts enable row level security;
alter table public.analytics enable row level security;
alter table public.whatsapp_accounts enable row level security;
alter table public.conversations enable row level security;
alter table public.messages enable row level security;

-- Public: the directory of companies, and the robots they show to the world.
create policy organizations_public on public.organizations for select to anon, authenticated using (true);
create policy bot_profiles_public on public.bot_profiles for select to anon, authenticated using (is_public);

-- One's own.
create policy memberships_own on public.memberships for select to authenticated using (user_id = auth.uid());
create policy users_update_own on public.users for update to authenticated using (id = auth.uid());

-- Too permissive, as the app had it: everybody who is signed in reads every profile, also other companies'.
create policy users_read on public.users for select to authenticated using (true);

-- The organization's.
create policy modules_members on public.modules for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy bot_profiles_members on public.bot_profiles for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy vapi_calls_members on public.vapi_calls for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy call_logs_members on public.call_logs for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy leads_members on public.leads for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy appointments_members on public.appointments for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy interventions_members on public.interventions for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy sms_logs_members on public.sms_logs for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy alerts_members on public.alerts for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy analytics_members on public.analytics for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy whatsapp_accounts_members on public.whatsapp_accounts for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy conversations_members on public.conversations for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
create policy messages_members on public.messages for all to authenticated
using (org_id in (select memberships.org_id from public.memberships where memberships.user_id = auth.uid()));
