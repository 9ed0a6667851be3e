-- What the database holds now: a row per version that the ledger keeps. No locks but those of a read.
select 'items' as name, id, version from items
union all select 'groups', id, version from groups
union all select 'labels', id, version from labels
union all select 'docs', id, version from docs
union all select 'scratch', id, version from scratch
union all select 'visits', group_id, count(*) from visits group by group_id
