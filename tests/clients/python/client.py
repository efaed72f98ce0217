"""Uses VmHost's API: client.py SOCKET PREFIX [AUTHORITY]."""

import queue
import secrets
import sys

import grpc

from vmhost.v1 import console_service_pb2 as console_pb
from vmhost.v1 import console_service_pb2_grpc as console_grpc
from vmhost.v1 import event_service_pb2 as event_pb
from vmhost.v1 import event_service_pb2_grpc as event_grpc
from vmhost.v1 import machine_pb2
from vmhost.v1 import machine_service_pb2 as machine_pb
from vmhost.v1 import machine_service_pb2_grpc as machine_grpc

TIMEOUT = 30  # seconds, for each call
NAME = "python-client"


def main(socket, prefix, authority=None):
    options = [("grpc.default_authority", authority)] if authority else []
    with grpc.insecure_channel(f"unix:{socket}", options) as channel:
        use(
            machine_grpc.MachineServiceStub(channel),
            console_grpc.ConsoleServiceStub(channel),
            event_grpc.EventServiceStub(channel),
            prefix,
        )


def use(machines, console, events, prefix):
    names = [machine.name for machine in list_machines(machines)]
    assert NAME not in names, names
    print("list")

    spec = machine_pb2.MachineSpec(boot=machine_pb2.BootSource(triple_prefix=prefix))
    request = machine_pb.RunMachineRequest(name=NAME, spec=spec, labels={"language": "python"})
    machine = machines.RunMachine(request, timeout=TIMEOUT).machine
    assert machine.state == machine_pb2.MACHINE_STATE_RUNNING, machine
    print("run")

    read_to(console, b"fakehv ready")
    print("read")

    written = console.WriteConsole(
        console_pb.WriteConsoleRequest(machine=NAME, data=b"hello\n"), timeout=TIMEOUT
    )
    print("write")

    match = console.ExpectConsole(
        console_pb.ExpectConsoleRequest(machine=NAME, pattern="hel+o", after_write=written.end_offset),
        timeout=TIMEOUT,
    )
    assert match.match == b"hello" and match.offset >= written.end_offset, match
    print("expect")

    attach(console)
    print("attach")

    stream = events.WatchEvents(event_pb.WatchEventsRequest(since={}, machines=[NAME], past_only=True), timeout=TIMEOUT)
    kinds = [message.event.kind for message in stream if message.HasField("event")]
    assert event_pb.EVENT_KIND_MACHINE_CREATED in kinds, kinds
    print("events")

    refused = error_of(lambda: machines.RunMachine(machine_pb.RunMachineRequest(name="-", spec=spec), timeout=TIMEOUT))
    details = dict(refused.trailing_metadata())["grpc-status-details-bin"]
    assert refused.code() == grpc.StatusCode.INVALID_ARGUMENT, refused
    assert b"google.rpc.BadRequest" in details and b"name" in details, details
    assert b"google.rpc.ErrorInfo" in details and b"INVALID_FIELD" in details, details
    print("error details")

    halted = machines.HaltMachine(machine_pb.HaltMachineRequest(machine=NAME), timeout=TIMEOUT)
    assert halted.machine.state == machine_pb2.MACHINE_STATE_STOPPED, halted
    print("halt")

    machines.DeleteMachine(machine_pb.DeleteMachineRequest(machine=NAME), timeout=TIMEOUT)
    assert error_of(lambda: machines.GetMachine(machine_pb.GetMachineRequest(machine=NAME), timeout=TIMEOUT)).code() == grpc.StatusCode.NOT_FOUND
    print("delete")


def list_machines(machines):
    request = machine_pb.ListMachinesRequest(page_size=2)
    while True:
        page = machines.ListMachines(request, timeout=TIMEOUT)
        yield from page.machines
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def read_to(console, marker):
    output = b""
    call = console.ReadConsole(console_pb.ReadConsoleRequest(machine=NAME, offset=0, follow=True), timeout=TIMEOUT)
    for response in call:
        output += response.data
        if marker in output:
            call.cancel()
            return
    raise AssertionError(f"the console ended without {marker}: {output}")


def attach(console):
    """Types as a person at a terminal does; the output comes by the same stream."""
    requests = queue.SimpleQueue()  # closed by None
    requests.put(console_pb.AttachConsoleRequest(open=console_pb.ConsoleOpen(
        machine=NAME, client_name="python client", token=secrets.token_hex(16), size=console_pb.ConsoleSize(columns=80, rows=24))))
    output = b""
    call = console.AttachConsole(iter(requests.get, None), timeout=TIMEOUT)
    for response in call:
        if response.HasField("attached"):
            assert response.attached.is_writer, response
            requests.put(console_pb.AttachConsoleRequest(input=console_pb.ConsoleInput(offset=0, data=b"attached\n")))
        output += response.output.data
        if b"attached" in output:
            requests.put(None)
            call.cancel()
            return
    raise AssertionError(f"the console ended: {output}")


def error_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call succeeded")


if __name__ == "__main__":
    main(*sys.argv[1:])
