"""The dashboards and what Grafana is given beside them, as tests read them."""

import json
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "dashboards"
BOARDS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
SOURCES = {
    source["uid"]: source
    for source in yaml.safe_load((FOLDER / "provisioning/datasources/elasticsearch.yml").read_text("utf-8"))[
        "datasources"
    ]
}
PANELS = [(f"{name}-{panel['title']}", name, panel) for name, board in BOARDS.items() for panel in board["panels"]]
TARGETS = [(where, name, target) for where, name, panel in PANELS for target in panel["targets"]]
QUERIES = [
    (f"{name}-{variable['name']}", name, variable)
    for name, board in BOARDS.items()
    for variable in board["templating"]["list"]
    if variable["type"] == "query"
]


def index_of(uid, namespace):
    """The index that a data source reads, for an installation of another namespace."""
    return SOURCES[uid]["jsonData"]["index"].replace("-default", f"-{namespace}")


def named(found):
    """For parametrize: the arguments and their ids."""
    return {"argvalues": [rest for _, *rest in found], "ids": [where for where, *_ in found]}
