-- What is known of Intercom is of the workspace that the settings name, and so are the receipts. A plan with
-- the ids of one workspace and the memory of another would reach the wrong people and leave out what is due.
-- The way out: `otrs2intercom extract intercom` and `otrs2intercom build` with the settings of one workspace.
{% set wanted = env_var("INTERCOM__WORKSPACE_ID", "") | replace("'", "") %}
with
    extracted as (select workspace_id from {{ ref("stg_intercom__me") }}),

    receipts as (select workspace_id from {{ ref("stg_ledger__workspace") }})

select
    extracted.workspace_id as extracted_from,
    receipts.workspace_id as receipts_of,
    '{{ wanted }}' as workspace_in_the_settings
from extracted
left join receipts on true
where
    extracted.workspace_id != receipts.workspace_id
    or ('{{ wanted }}' != '' and extracted.workspace_id != '{{ wanted }}')
