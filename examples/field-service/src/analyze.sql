-- Returns no rows. Locks each of the example's tables against changes of its definition while it is sampled.
analyze
    public.organizations, public.users, public.memberships, public.modules, public.bot_profiles, public.vapi_calls,
    public.call_logs, public.leads, public.appointments, public.interventions, public.sms_logs, public.alerts,
    public.analytics, public.whatsapp_accounts, public.conversations, public.messages
