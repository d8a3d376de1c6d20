{# The models state `partition_by` for BigQuery; DuckDB's own tables have no partitions. #}
{% macro duckdb__get_partitioned_by(relation, temporary) -%}
    {{ return(none) }}
{%- endmacro %}


{# BigQuery's `insert_overwrite` by itself replaces the days for which rows came; here it replaces all days being built, so that
   a day that lost its rows ends empty there as well. #}
{% macro bq_insert_overwrite_sql(
    tmp_relation, target_relation, sql, unique_key, partition_by, partitions, dest_columns, tmp_relation_exists, copy_partitions
) %}
    {%- set days = dates_in_range(var('first_day'), var('last_day'), '%Y-%m-%d', "date '%Y-%m-%d'") -%}
    {{ bq_static_insert_overwrite_sql(
        tmp_relation, target_relation, sql, partition_by, days, dest_columns, tmp_relation_exists, copy_partitions
    ) }}
{% endmacro %}
