from hugescope_server.bus import AgentJoined, AgentLeft, HostEvent, LocalBus


def test_listeners_hear_their_host_and_listeners_to_all_come_first() -> None:
    bus = LocalBus()
    heard: list[tuple[str, HostEvent]] = []
    bus.subscribe("a", lambda event: heard.append(("a", event)))
    bus.subscribe(None, lambda event: heard.append(("all", event)))
    bus.publish(AgentJoined("a"))
    bus.publish(AgentLeft("b"))
    assert heard == [
        ("all", AgentJoined("a")),
        ("a", AgentJoined("a")),
        ("all", AgentLeft("b")),
    ]


def test_unsubscribe_in_a_listener_and_twice() -> None:
    bus = LocalBus()
    heard: list[HostEvent] = []

    def once(event: HostEvent) -> None:
        heard.append(event)
        stop()

    stop = bus.subscribe("a", once)
    bus.subscribe("a", heard.append)
    bus.publish(AgentJoined("a"))
    assert len(heard) == 2
    bus.publish(AgentLeft("a"))
    assert len(heard) == 3
    stop()
