"""The feature contract, read from dbt and spoken in Feast."""
