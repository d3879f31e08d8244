-- Who is responsible for what in a process, as far as OTRS says: who may use a dialog, and to whom an
-- action gives the
-- ticket. OTRS knows no role of an activity as such.
with
    activities as (

        select process_entity_id, process_name, activity_entity_id, activity_name
        from {{ ref("process_activities") }}
        where process_entity_id is not null

    ),

    dialogs as (select * from {{ ref("process_dialogs") }} where activity_entity_id is not null),

    of_dialogs as (

        select
            activities.process_entity_id,
            activities.process_name,
            activities.activity_entity_id,
            activities.activity_name,
            'dialog' as said_by,
            dialogs.dialog_name as said_by_name,
            'may use the dialog' as responsibility,
            concat_ws(
                ' ',
                coalesce(dialogs.shown_to, 'nobody'),
                'with the permission ' || dialogs.required_permission || ' on the queue',
                case when dialogs.is_lock_required then 'who hold the lock of the ticket' end
            ) as responsible
        from dialogs
        inner join activities on dialogs.activity_entity_id = activities.activity_entity_id

    ),

    of_fields as (

        select
            activities.process_entity_id,
            activities.process_name,
            activities.activity_entity_id,
            activities.activity_name,
            'dialog' as said_by,
            dialogs.dialog_name as said_by_name,
            case
                fields.field_name
                when 'Owner'
                then 'owner'
                when 'Responsible'
                then 'responsible'
                when 'Queue'
                then 'queue'
            end as responsibility,
            coalesce(fields.default_value, 'chosen in the dialog') as responsible
        from dialogs
        inner join activities on dialogs.activity_entity_id = activities.activity_entity_id
        inner join
            {{ ref("process_dialog_fields") }} as fields on dialogs.dialog_entity_id = fields.dialog_entity_id
        where fields.field_name in ('Owner', 'Responsible', 'Queue')

    ),

    of_actions as (

        select
            actions.process_entity_id,
            actions.process_name,
            actions.from_activity_entity_id as activity_entity_id,
            activities.activity_name,
            'action' as said_by,
            actions.action_name as said_by_name,
            case
                actions.module_name
                when 'TicketOwnerSet'
                then 'owner'
                when 'TicketResponsibleSet'
                then 'responsible'
                when 'TicketQueueSet'
                then 'queue'
            end as responsibility,
            coalesce(
                actions.parameters ->> '$.Owner',
                actions.parameters ->> '$.Responsible',
                actions.parameters ->> '$.Queue',
                'agent ' || (actions.parameters ->> '$.OwnerID'),
                'agent ' || (actions.parameters ->> '$.ResponsibleID'),
                'queue ' || (actions.parameters ->> '$.QueueID'),
                'not said'
            ) as responsible
        from {{ ref("process_transition_actions") }} as actions
        left join
            activities
            on actions.process_entity_id = activities.process_entity_id
            and actions.from_activity_entity_id = activities.activity_entity_id
        where
            actions.process_entity_id is not null
            and actions.module_name in ('TicketOwnerSet', 'TicketResponsibleSet', 'TicketQueueSet')

    )

select *
from of_dialogs
union all
select *
from of_fields
union all
select *
from of_actions
