-- What must hold before a transition is taken, in words: the tests of a block joined by the block's own
-- word, the blocks joined by the transition's.
with
    transitions as (

        select
            transitions.process_transition_entity_id as transition_entity_id,
            coalesce(nullif(lower(parsed.document ->> '$.ConditionLinking'), ''), 'and') as linking,
            parsed.document
        from {{ ref("stg_otrs__process_transitions") }} as transitions
        inner join
            {{ ref("int_configurations_parsed") }} as parsed
            on parsed.kind = 'transition'
            and transitions.process_transition_entity_id = parsed.configuration_id

    ),

    blocks as (

        select
            transitions.transition_entity_id,
            transitions.linking,
            coalesce(try_cast(entry.key as bigint), 0) as place,
            entry.key as block,
            coalesce(nullif(lower(entry.value ->> '$.Type'), ''), 'and') as block_linking,
            entry.value as config
        from transitions, json_each(transitions.document, '$.Condition') as entry

    ),

    tests as (

        select
            blocks.transition_entity_id,
            blocks.linking,
            blocks.place,
            blocks.block,
            blocks.block_linking,
            entry.key as field_name,
            case
                entry.value ->> '$.Type'
                when 'String'
                then 'is'
                when 'Equal'
                then 'is'
                when 'NotEqual'
                then 'is not'
                when 'Contains'
                then 'contains'
                when 'NotContains'
                then 'does not contain'
                when 'Regexp'
                then 'matches the pattern'
                when 'GreaterThan'
                then 'is greater than'
                when 'GreaterThanOrEqual'
                then 'is at least'
                when 'LessThan'
                then 'is less than'
                when 'LessThanOrEqual'
                then 'is at most'
                when 'Module'
                then 'passes the module'
                else 'fulfils ' || coalesce(entry.value ->> '$.Type', 'the test')
            end as relation,
            case
                when json_type(entry.value, '$.Match') = 'ARRAY'
                then array_to_string(from_json(entry.value -> '$.Match', '["VARCHAR"]'), ', ')
                else entry.value ->> '$.Match'
            end as wanted
        from blocks, json_each(blocks.config, '$.Fields') as entry

    ),

    worded as (

        select
            tests.* exclude (field_name),
            coalesce(fields.label, tests.field_name)
            || ' '
            || tests.relation
            || ' "'
            || coalesce(tests.wanted, '')
            || '"' as sentence
        from tests
        left join
            {{ ref("stg_otrs__dynamic_fields") }} as fields
            on tests.field_name = 'DynamicField_' || fields.dynamic_field_name

    ),

    of_blocks as (

        select
            transition_entity_id,
            linking,
            place,
            block,
            case
                block_linking when 'xor' then ' or else (not both) ' else ' ' || block_linking || ' '
            end as word,
            list(sentence order by sentence) as sentences
        from worded
        group by all

    ),

    joined as (

        select
            transition_entity_id,
            linking,
            case linking when 'xor' then ' or else (not both) ' else ' ' || linking || ' ' end as word,
            list(
                case
                    when len(sentences) > 1
                    then '(' || list_reduce(sentences, lambda before, next:before || word || next) || ')'
                    else sentences[1]
                end
                order by place, block
            ) as sentences
        from of_blocks
        group by transition_entity_id, linking

    )

select
    transition_entity_id,
    linking,
    list_reduce(sentences, lambda before, next:before || word || next) as sentence
from joined
