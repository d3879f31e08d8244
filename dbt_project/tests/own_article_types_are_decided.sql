-- OTRS 5 and older: an article type of the organisation's own, or one that is gone, says nothing about
-- channel and visibility. Its articles are hidden internal notes until the variable `article_types`
-- decides.
select articles.article_type_id, types.article_type_name, count(*) as articles
from {{ source("raw_otrs", "article") }} as articles
left join {{ ref("base_otrs__article_types") }} as types on articles.article_type_id = types.article_type_id
where articles.communication_channel_id is null and types.is_known is not true
group by all
