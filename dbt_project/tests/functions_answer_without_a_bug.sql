-- Functions of Python answer a row's fault with an error beside the value, and the build goes on without the
-- value. A fault of the program would empty a whole column that way, and nobody would see it.
with
    errors as (

        select 'last_address' as function_name, 'article ' || article_id as record, error
        from {{ ref("int_article_senders_parsed") }}

        union all

        select 'e164', contact_key, phone_error
        from {{ ref("int_contacts_united") }}

        union all

        select 'html_body', 'article ' || article_id, error
        from {{ ref("int_html_bodies_cleaned") }}

        union all

        select 'plain_body or body_pieces', 'article ' || article_id, rendering_error
        from {{ ref("int_articles_rendered") }}

        union all

        select 'yaml_json', 'dynamic field ' || dynamic_field_id, error
        from {{ ref("int_dynamic_fields_parsed") }}

    )

select *
from errors
where
    regexp_matches(
        error, '^(TypeError|AttributeError|NameError|UnboundLocalError|ImportError|ModuleNotFoundError)'
    )
