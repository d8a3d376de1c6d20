"""Print the asset graph: what each asset is made from, and what is checked of it."""

import json
import sys

from orchestration.definitions import defs

graph = defs.resolve_asset_graph()
described = {
    key.to_user_string(): {
        "made_from": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
        "checks": sorted(check.name for check in graph.get(key).check_keys),
    }
    for key in sorted(graph.get_all_asset_keys())
}
sys.stdout.write(json.dumps(described, indent=1) + "\n")
