{# The gate's record: written whenever the plan was built, passed only when every test of the project ran and
   passed and nothing else failed. It names the plan and the mapping by their hashes, and the workspace whose
   teammates, teams and definitions the plan was made with. #}
{% macro record_gate(results) %}
    {% if execute and flags.WHICH == "build" %}
        {% set plan = (
            results | selectattr("node.unique_id", "equalto", "model.otrs2intercom.requests") | list
        ) %}
        {% if plan | length > 0 %}
            {% set tests = graph.nodes.values() | selectattr("resource_type", "equalto", "test") | list %}
            {% set tested = (
                results
                | selectattr("node.resource_type", "equalto", "test")
                | selectattr("status", "equalto", "pass")
                | list
            ) %}
            {# Unit tests may be left out: they try the rules on rows of their own, whatever the data is. #}
            {% set left_out = (
                (invocation_args_dict.get("exclude_resource_types") or [])
                | reject("equalto", "unit_test")
                | list
            ) %}
            {# What a load is compared with afterwards has no part in the plan. #}
            {% set excluded = (
                (invocation_args_dict.get("exclude") or []) | reject("equalto", "tag:verify") | list
            ) %}
            {% set partial = (
                invocation_args_dict.get("select")
                or excluded
                or invocation_args_dict.get("selector")
                or left_out
                or invocation_args_dict.get("resource_types")
                or invocation_args_dict.get("empty")
                or invocation_args_dict.get("sample")
            ) %}
            {% set failed = (
                results | selectattr("status", "in", ["error", "fail", "skipped", "warn"]) | list
            ) %}
            {% set passed = failed | length == 0 and tested | length == tests | length and not partial %}
            {# What was skipped only follows from what failed. #}
            {% set causes = failed | rejectattr("status", "equalto", "skipped") | list %}
            {% set blockers = (causes or failed) | map(attribute="node.name") | list %}
            {% if partial %} {% do blockers.append("only a part of the project was built") %} {% endif %}
            {% set seeds = (
                graph.nodes.values()
                | selectattr("resource_type", "equalto", "seed")
                | selectattr("config.schema", "equalto", "mapping")
                | sort(attribute="name")
                | list
            ) %}
            {% set plan_built = (plan | first).status == "success" %}
            {% do run_query("create schema if not exists reconciliation") %}
            {% do run_query(
                "create table if not exists reconciliation.gate (invocation_id varchar, checked_at timestamp,"
                ~ " generation bigint, passed boolean, tests_in_manifest integer, tests_passed integer,"
                ~ " plan_hash varchar, mapping_hash varchar, blockers varchar, workspace_id varchar)"
            ) %}
            {% do run_query(
                "alter table reconciliation.gate add column if not exists workspace_id varchar"
            ) %}
            {% set statement %}
                insert into reconciliation.gate
                select
                    '{{ invocation_id }}',
                    '{{ modules.datetime.datetime.now(modules.pytz.utc).strftime("%Y-%m-%d %H:%M:%S.%f") }}'::timestamp,
                    (select max(generation) from staging.stg_otrs__source_profile),
                    {{ passed }},
                    {{ tests | length }},
                    {{ tested | length }},
                    {% if plan_built %} (select plan_hash from intercom.plan_hash) {% else %} null {% endif %},
                    (
                        select md5(string_agg(line, chr(10) order by line))
                        from (
                            {# What was decided, not why, nor how many records it is about. #}
                            {% for seed in seeds %}
                                select '{{ seed.name }}' || to_json(decisions)::varchar as line
                                from
                                    (
                                        select columns(c -> c not in ('reason', 'score', 'used', 'proposed_as'))
                                        from {{ seed.relation_name }}
                                    ) as decisions
                                {% if not loop.last %} union all {% endif %}
                            {% endfor %}
                        )
                    ),
                    '{{ blockers | join(", ") | replace("'", "''") }}',
                    (select max(workspace_id) from raw_intercom.me)
            {% endset %}
            {% do run_query(statement) %}
        {% endif %}
    {% endif %}
{% endmacro %}
