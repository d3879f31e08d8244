{# The gate's record: written whenever the plan was built, passed only when every test of the project ran and
   passed and nothing else failed. It names the plan and the mapping by their hashes. #}
{% macro record_gate(results) %}
    {% if execute and flags.WHICH == "build" %}
        {% set plan = results | selectattr("node.unique_id", "equalto", "model.otrs2intercom.requests") | list %}
        {% if plan | length > 0 %}
            {% set tests = graph.nodes.values() | selectattr("resource_type", "equalto", "test") | list %}
            {% set expected = (tests | length) + (graph.unit_tests | default({}) | length) %}
            {% set tested = results
                | selectattr("node.resource_type", "in", ["test", "unit_test"])
                | selectattr("status", "equalto", "pass") | list %}
            {% set failed = results | selectattr("status", "in", ["error", "fail", "skipped", "warn"]) | list %}
            {% set passed = failed | length == 0 and tested | length == expected %}
            {% set blockers = failed | map(attribute="node.name") | join(", ") %}
            {% set plan_built = (plan | first).status == "success" %}
            {% do run_query("create schema if not exists reconciliation") %}
            {% do run_query(
                "create table if not exists reconciliation.gate (invocation_id varchar, checked_at timestamp,
                generation bigint, passed boolean, tests_in_manifest integer, tests_passed integer,
                plan_hash varchar, mapping_hash varchar, blockers varchar)"
            ) %}
            {% set statement %}
                insert into reconciliation.gate
                select
                    '{{ invocation_id }}',
                    '{{ modules.datetime.datetime.now(modules.pytz.utc).strftime("%Y-%m-%d %H:%M:%S.%f") }}'::timestamp,
                    (select max(generation) from staging.stg_otrs__source_profile),
                    {{ passed }},
                    {{ expected }},
                    {{ tested | length }},
                    {% if plan_built %} (select plan_hash from intercom.plan_hash) {% else %} null {% endif %},
                    (
                        select md5(string_agg(line, chr(10) order by line))
                        from (
                            {% for seed in ["agents", "queues", "ticket_states", "ticket_priorities"] %}
                                select '{{ seed }}' || seed::varchar as line
                                from mapping.{{ seed }} as seed
                                {% if not loop.last %} union all {% endif %}
                            {% endfor %}
                        )
                    ),
                    '{{ blockers | replace("'", "''") }}'
            {% endset %}
            {% do run_query(statement) %}
        {% endif %}
    {% endif %}
{% endmacro %}
