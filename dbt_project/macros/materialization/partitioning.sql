{# The models state `partition_by` for BigQuery; DuckDB's own tables have no partitions. #}
{% macro duckdb__get_partitioned_by(relation, temporary) -%}
    {{ return(none) }}
{%- endmacro %}
