-- Lets each identity column go on after the rows that were copied.
-- Returns one row per table that has rows. Locks the sequences until the transaction ends.
select
    setval(pg_get_serial_sequence('public.' || filled.name, 'id'), filled.last)
from (
    select 'modules' as name, max(id) as last from public.modules
    union all select 'bot_profiles', max(id) from public.bot_profiles
    union all select 'call_logs', max(id) from public.call_logs
    union all select 'leads', max(id) from public.leads
    union all select 'appointments', max(id) from public.appointments
    union all select 'interventions', max(id) from public.interventions
    union all select 'sms_logs', max(id) from public.sms_logs
    union all select 'alerts', max(id) from public.alerts
    union all select 'analytics', max(id) from public.analytics
    union all select 'whatsapp_accounts', max(id) from public.whatsapp_accounts
    union all select 'conversations', max(id) from public.conversations
    union all select 'messages', max(id) from public.messages
) filled
where filled.last is not null
