{# Sources that a first build does not have yet: nothing extracted from Intercom, nothing loaded, nothing
   read back. They are made empty, so that a plain `dbt build` works at any time. #}
{% macro create_optional_sources() %}
    {% if execute and flags.WHICH in ("build", "run", "test", "compile", "show") %}
        {% set extracted = run_query(
            "select 1 from information_schema.tables where table_catalog = current_database()"
            ~ " and table_schema = 'raw_otrs' and table_name = 'source_profile'"
        ) %}
        {% if extracted.rows | length == 0 %}
            {{
                exceptions.raise_compiler_error(
                    "The warehouse "
                    ~ target.path
                    ~ " holds no extract of OTRS (no raw_otrs.source_profile). Run "
                    ~ "`otrs2intercom extract otrs` first, or name the right file in WAREHOUSE__PATH."
                )
            }}
        {% endif %}
        {% set relations = {
            "raw_intercom.me": "admin_id varchar, email varchar, name varchar, workspace_id varchar, "
            ~ "workspace_name varchar, region varchar, timezone varchar, archived boolean, data varchar",
            "raw_intercom.admins": "id varchar, email varchar, name varchar, archived boolean, data varchar",
            "raw_intercom.teams": "id varchar, name varchar, archived boolean, data varchar",
            "raw_intercom.tags": "id varchar, name varchar, archived boolean, data varchar",
            "raw_intercom.contact_attributes": "id varchar, name varchar, model varchar, data_type varchar, "
            ~ "archived boolean, data varchar",
            "raw_intercom.company_attributes": "id varchar, name varchar, model varchar, data_type varchar, "
            ~ "archived boolean, data varchar",
            "raw_intercom.conversation_attributes": "id varchar, name varchar, data_type varchar, "
            ~ "archived boolean, data varchar",
            "raw_intercom.contacts": "id varchar, external_id varchar, role varchar, email varchar, "
            ~ "name varchar, phone varchar, archived boolean, data varchar",
            "raw_intercom.companies": "id varchar, company_id varchar, name varchar, archived boolean, data varchar",
            "raw_intercom.read_back": "object varchar, intercom_id varchar, is_found boolean, read_at timestamp, "
            ~ "data varchar",
            "raw_intercom.read_back_files": "conversation_id varchar, part_id varchar, position integer, "
            ~ "sha256 varchar, size bigint, problem varchar",
            "raw_intercom.read_back_targets": "object varchar, object_key varchar, intercom_id varchar, "
            ~ "is_of_selection boolean",
            "raw_ledger.receipts": "slot varchar, content_hash varchar, payload_hash varchar, kind varchar, "
            ~ "creates varchar, intercom_id varchar, outcome varchar, source_table varchar, "
            ~ "source_id varchar, visibility varchar, receipt_id bigint, received_at timestamp",
            "raw_ledger.workspace": "workspace_id varchar, region varchar",
        } %}
        {% for relation, columns in relations.items() %}
            {% set schema, name = relation.split(".") %}
            {% do run_query("create schema if not exists " ~ schema) %}
            {% set found = run_query(
                "select 1 from information_schema.tables where table_catalog = current_database()"
                ~ " and table_schema = '"
                ~ schema
                ~ "' and table_name = '"
                ~ name
                ~ "'"
            ) %}
            {% if found.rows | length == 0 %}
                {% do run_query("create table " ~ relation ~ " (" ~ columns ~ ")") %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}
