{# A subject in lower case without what mail programs and OTRS put before it: Re:, AW:, Fwd:, [Ticket#…]. Two
   subjects with the same bare one say the same. #}
{% macro bare_subject(subject, ticket_number) -%}
    regexp_replace(
        trim(
            regexp_replace(
                regexp_replace(
                    replace(lower({{ subject }}), coalesce({{ ticket_number }}, '#'), '#'),
                    '\[[^\[\]]*#[^\[\]]*\]',
                    ' ',
                    'g'
                ),
                '\s+',
                ' ',
                'g'
            )
        ),
        '^((re|aw|antw|antwort|fwd?|wg|sv|vs|vb|tr|rv|rif|odp|ynt|enc|res|回复|答复|转发)( ?[\[(]?[0-9]+[\])]?)? ?[:：] ?)+',
        ''
    )
{%- endmacro %}
