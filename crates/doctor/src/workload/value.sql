-- At most one row: a value that the column called $1, of a table named among the words $2, holds most often, and one that it
-- holds seldom: null where none is rarer than the others.
-- Locks: catalogs, access share.
select
    coalesce(v.common[1], v.bounds[1 + array_length(v.bounds, 1) / 2]),
    case when v.common is null then null
        -- What is in the histogram is held less often than anything that is listed.
        when v.bounds is not null then v.bounds[1 + array_length(v.bounds, 1) / 2]
        when v.shares[array_length(v.shares, 1)] < v.shares[1] / 2 then v.common[array_length(v.common, 1)]
    end
from pg_stats s
cross join lateral (
    select
        s.most_common_vals::text::text[] as common, s.most_common_freqs as shares,
        s.histogram_bounds::text::text[] as bounds
) v
where s.attname = $1 and s.tablename = any ($2)
    and (s.most_common_vals is not null or s.histogram_bounds is not null)
order by s.n_distinct = -1 desc, s.schemaname, s.tablename
limit 1
