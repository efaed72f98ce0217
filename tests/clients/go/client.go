// Uses VmHost's API: client SOCKET PREFIX [AUTHORITY].
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "vmhost/v1"
)

const (
	name    = "go-client"
	timeout = 30 * time.Second // for the whole program
)

type client struct {
	machines pb.MachineServiceClient
	console  pb.ConsoleServiceClient
	events   pb.EventServiceClient
}

func main() {
	log.SetFlags(0)
	socket, prefix := os.Args[1], os.Args[2]
	options := []grpc.DialOption{grpc.WithInsecure()}
	if len(os.Args) > 3 {
		options = append(options, grpc.WithAuthority(os.Args[3]))
	}

	connection, err := grpc.Dial("unix://"+socket, options...)
	check(err)
	defer connection.Close()

	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c := client{pb.NewMachineServiceClient(connection), pb.NewConsoleServiceClient(connection), pb.NewEventServiceClient(connection)}
	c.use(ctx, prefix)
}

func (c client) use(ctx context.Context, prefix string) {
	for _, machine := range c.list(ctx) {
		assert(machine.Name != name, machine)
	}
	fmt.Println("list")

	spec := &pb.MachineSpec{Boot: &pb.BootSource{TriplePrefix: &prefix}}
	machineName := name
	run, err := c.machines.RunMachine(ctx, &pb.RunMachineRequest{Name: &machineName, Spec: spec, Labels: map[string]string{"language": "go"}})
	check(err)
	assert(run.Machine.State == pb.MachineState_MACHINE_STATE_RUNNING, run)
	fmt.Println("run")

	c.readTo(ctx, []byte("fakehv ready"))
	fmt.Println("read")

	written, err := c.console.WriteConsole(ctx, &pb.WriteConsoleRequest{Machine: name, Data: []byte("hello\n")})
	check(err)
	fmt.Println("write")

	match, err := c.console.ExpectConsole(ctx, &pb.ExpectConsoleRequest{Machine: name, Pattern: "hel+o", AfterWrite: &written.EndOffset})
	check(err)
	assert(string(match.Match) == "hello" && match.Offset >= written.EndOffset, match)
	fmt.Println("expect")

	c.attach(ctx)
	fmt.Println("attach")

	assert(c.hasEvent(ctx, pb.EventKind_EVENT_KIND_MACHINE_CREATED), "no event of the creation")
	fmt.Println("events")

	badName := "-"
	_, err = c.machines.RunMachine(ctx, &pb.RunMachineRequest{Name: &badName, Spec: spec})
	assert(status.Code(err) == codes.InvalidArgument, err)
	assert(hasDetail(err, "google.rpc.BadRequest", "name") && hasDetail(err, "google.rpc.ErrorInfo", "INVALID_FIELD"), err)
	fmt.Println("error details")

	halted, err := c.machines.HaltMachine(ctx, &pb.HaltMachineRequest{Machine: name})
	check(err)
	assert(halted.Machine.State == pb.MachineState_MACHINE_STATE_STOPPED, halted)
	fmt.Println("halt")

	_, err = c.machines.DeleteMachine(ctx, &pb.DeleteMachineRequest{Machine: name})
	check(err)
	_, err = c.machines.GetMachine(ctx, &pb.GetMachineRequest{Machine: name})
	assert(status.Code(err) == codes.NotFound, err)
	fmt.Println("delete")
}

func (c client) list(ctx context.Context) []*pb.Machine {
	var machines []*pb.Machine
	request := &pb.ListMachinesRequest{PageSize: 2}
	for {
		page, err := c.machines.ListMachines(ctx, request)
		check(err)
		machines = append(machines, page.Machines...)
		if page.NextPageToken == "" {
			return machines
		}
		request.PageToken = page.NextPageToken
	}
}

func (c client) readTo(ctx context.Context, marker []byte) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.console.ReadConsole(ctx, &pb.ReadConsoleRequest{Machine: name, Start: &pb.ReadConsoleRequest_Offset{Offset: 0}, Follow: true})
	check(err)
	var output []byte
	for !bytes.Contains(output, marker) {
		response, err := stream.Recv()
		check(err)
		output = append(output, response.Data...)
	}
}

// attach types as a person at a terminal does; the output comes by the same stream.
func (c client) attach(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	token := make([]byte, 16)
	_, err := rand.Read(token)
	check(err)
	stream, err := c.console.AttachConsole(ctx)
	check(err)
	open := &pb.ConsoleOpen{Machine: name, ClientName: "go client", Token: hex.EncodeToString(token)}
	check(stream.Send(&pb.AttachConsoleRequest{Kind: &pb.AttachConsoleRequest_Open{Open: open}}))
	var output []byte
	for !bytes.Contains(output, []byte("attached")) {
		response, err := stream.Recv()
		check(err)
		if attached := response.GetAttached(); attached != nil {
			assert(attached.IsWriter, attached)
			input := &pb.ConsoleInput{Offset: 0, Data: []byte("attached\n")}
			check(stream.Send(&pb.AttachConsoleRequest{Kind: &pb.AttachConsoleRequest_Input{Input: input}}))
		}
		output = append(output, response.GetOutput().GetData()...)
	}
}

func (c client) hasEvent(ctx context.Context, kind pb.EventKind) bool {
	request := &pb.WatchEventsRequest{Start: &pb.WatchEventsRequest_Since{Since: &timestamppb.Timestamp{}}, Machines: []string{name}, PastOnly: true}
	stream, err := c.events.WatchEvents(ctx, request)
	check(err)
	found := false
	for {
		message, err := stream.Recv()
		if err == io.EOF {
			return found
		}
		check(err)
		found = found || message.GetEvent().GetKind() == kind
	}
}

func hasDetail(err error, kind, text string) bool {
	for _, detail := range status.Convert(err).Proto().Details {
		if detail.TypeUrl == "type.googleapis.com/"+kind && bytes.Contains(detail.Value, []byte(text)) {
			return true
		}
	}
	return false
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func assert(condition bool, found interface{}) {
	if !condition {
		log.Fatalf("unexpected: %v", found)
	}
}
