"""The log source of events as they are: Windows records, Zeek's logs, and events that name it."""

from __future__ import annotations

import pytest

from soc.core.event import Event
from soc.core.logsource import LogSource
from soc.sigma import NativeRouter
from soc.sigma.native import MAX_ROUTES

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def sources(event: Event) -> set[str]:
    router = NativeRouter()
    return {str(source) for source in router.sources(router.route(event))}


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        ({"Channel": SYSMON, "EventID": 1}, {"product=windows service=sysmon",
                                             "category=process_creation product=windows service=sysmon"}),
        ({"Channel": SYSMON.lower(), "EventID": "1"}, {"product=windows service=sysmon",
                                                       "category=process_creation product=windows service=sysmon"}),
        ({"EventID": 4688, "Channel": "Security"}, {"product=windows service=security",
                                                    "category=process_creation product=windows service=security"}),
        ({"EventID": 4624, "Channel": "Security"}, {"product=windows service=security"}),
        ({"EventID": 4624, "Provider_Name": "Microsoft-Windows-Security-Auditing"},
         {"product=windows service=security"}),
        ({"EventID": 104, "Channel": SYSMON, "Provider_Name": "Microsoft-Windows-Eventlog"},
         {"product=windows service=system"}),
        ({"EventID": 9, "Channel": "Somebody/Else"}, {"product=windows"}),
        ({"EventID": 1}, set()),
        ({"_path": "http"}, {"product=zeek service=http"}),
        ({"_path": "dns"}, {"product=zeek service=dns", "category=dns product=zeek service=dns"}),
        ({"_path": "conn", "service": "dns"}, {"product=zeek service=conn"}),
        ({"@stream": "conn", "@proc": "zeek", "service": "dns"}, {"product=zeek service=conn"}),
        ({"@stream": "conn"}, set()),
        ({"service": ["a"]}, set()),
        ({"EventID": ["1"], "Channel": "x"}, set()),
        ({"product": "Okta", "service": "okta"}, {"product=okta service=okta"}),
        ({"logsource.category": "proxy"}, {"category=proxy"}),
        ({"product": 5}, set()),
        ({}, set()),
    ],
)  # fmt: skip
def test_log_sources(event: Event, wanted: set[str]) -> None:
    assert sources(event) == wanted


def test_what_all_events_of_a_route_share() -> None:
    router = NativeRouter()
    route = router.route({"Channel": "Security", "EventID": "4624"})
    assert router.fixed(route) == {"Channel": "Security", "EventID": 4624}
    assert router.route({"Channel": "Security", "EventID": 4624}) is route
    assert router.route({"Channel": "Security", "EventID": 4625}) is not route


def test_events_that_state_no_log_source_are_counted_and_go_where_told() -> None:
    proxy = LogSource("proxy")
    router = NativeRouter([proxy])
    assert router.sources(router.route({"c-uri": "/"})) == (proxy,)
    assert router.sources(router.route({"_path": "http"})) == (LogSource(None, "zeek", "http"),)
    assert router.unrouted == 1


def test_made_up_values_make_a_bounded_number_of_routes() -> None:
    router = NativeRouter()
    routes = {
        route
        for number in range(3 * MAX_ROUTES)
        for event in ({"Channel": "Security", "EventID": 1, "Provider_Name": f"p{number}"}, {"product": f"p{number}"})
        for route in [router.route(event)]
    }
    assert len(routes) < 2 * MAX_ROUTES + 10
    late = router.route({"Channel": "Security", "EventID": 4688, "Provider_Name": "late"})
    assert LogSource("process_creation", "windows", "security") in router.sources(late)
    assert router.fixed(late) == {}
