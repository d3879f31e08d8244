{# Before the content hash of a contact who is made without his address. The ledger keeps the hash, so the next
   build knows how he was made; and a contact made one way is due when he is planned the other way. #}
{% macro held_mark() -%} held: {%- endmacro %}
