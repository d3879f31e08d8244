-- OTRS shows articles by id; the parts stand in that order, and the plan sends them in that order. What was
-- sent
-- before stands as it was sent, and what came later follows it.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
with
    receipts as (

        select slot, receipt_id
        from {{ ref("stg_ledger__receipts") }}
        where kind in ('conversation.create', 'conversation.reply')

    ),

    listed as (

        select
            'parts' as place,
            conversation_key as conversation,
            position,
            otrs_article_id as article_id,
            {{ part_slot("parts") }} as slot
        from {{ ref("conversation_parts") }} as parts
        where otrs_article_id is not null

        union all

        select 'requests', lane, position, source_id::bigint, slot
        from {{ ref("requests") }}
        where kind in ('conversation.create', 'conversation.reply') and source_table = 'article'

    ),

    compared as (

        select
            listed.*,
            receipts.receipt_id,
            lag(listed.slot) over followed as previous_slot,
            lag(listed.article_id) over followed as previous_article_id,
            lag(receipts.receipt_id) over followed as previous_receipt_id
        from listed
        left join receipts on listed.slot = receipts.slot
        window followed as (partition by listed.place, listed.conversation order by listed.position)

    )

select *
from compared
where
    previous_slot is not null
    and case
        when receipt_id is not null
        then previous_receipt_id is null or previous_receipt_id >= receipt_id
        when previous_receipt_id is null
        then previous_article_id > article_id
        else false
    end
