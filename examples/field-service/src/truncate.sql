-- Empty tables truncated in the transaction that fills them may be filled with frozen rows.
-- Returns no rows. Locks all the example's tables against everybody until the transaction ends.
truncate
    public.organizations, public.users, public.memberships, public.modules, public.bot_profiles, public.vapi_calls,
    public.call_logs, public.leads, public.appointments, public.interventions, public.sms_logs, public.alerts,
    public.analytics, public.whatsapp_accounts, public.conversations, public.messages
