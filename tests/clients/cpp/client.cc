// Uses VmHost's API: client SOCKET PREFIX [AUTHORITY].
#include <chrono>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

#include <grpcpp/grpcpp.h>

#include "vmhost/v1/console_service.grpc.pb.h"
#include "vmhost/v1/event_service.grpc.pb.h"
#include "vmhost/v1/machine_service.grpc.pb.h"

namespace v1 = vmhost::v1;

constexpr char kName[] = "cpp-client";
constexpr std::chrono::seconds kTimeout(30);  // for each call

// One call's context, with its deadline.
struct Call : grpc::ClientContext {
  Call() { set_deadline(std::chrono::system_clock::now() + kTimeout); }
};

void Check(const grpc::Status& status) {
  if (!status.ok()) throw std::runtime_error(std::to_string(status.error_code()) + ": " + status.error_message());
}

void Assert(bool condition, const std::string& found) {
  if (!condition) throw std::runtime_error("unexpected: " + found);
}

class Client {
 public:
  explicit Client(const std::shared_ptr<grpc::Channel>& channel)
      : machines_(v1::MachineService::NewStub(channel)),
        console_(v1::ConsoleService::NewStub(channel)),
        events_(v1::EventService::NewStub(channel)) {}

  void Use(const std::string& prefix) {
    List();
    std::cout << "list" << std::endl;

    v1::RunMachineRequest run;
    run.set_name(kName);
    run.mutable_spec()->mutable_boot()->set_triple_prefix(prefix);
    (*run.mutable_labels())["language"] = "cpp";
    v1::RunMachineResponse ran;
    {
      Call call;
      Check(machines_->RunMachine(&call, run, &ran));
    }
    Assert(ran.machine().state() == v1::MACHINE_STATE_RUNNING, ran.DebugString());
    std::cout << "run" << std::endl;

    ReadTo("fakehv ready");
    std::cout << "read" << std::endl;

    v1::WriteConsoleRequest write;
    write.set_machine(kName);
    write.set_data("hello\n");
    v1::WriteConsoleResponse written;
    {
      Call call;
      Check(console_->WriteConsole(&call, write, &written));
    }
    std::cout << "write" << std::endl;

    v1::ExpectConsoleRequest expect;
    expect.set_machine(kName);
    expect.set_pattern("hel+o");
    expect.set_after_write(written.end_offset());
    v1::ExpectConsoleResponse match;
    {
      Call call;
      Check(console_->ExpectConsole(&call, expect, &match));
    }
    Assert(match.match() == "hello" && match.offset() >= written.end_offset(), match.DebugString());
    std::cout << "expect" << std::endl;

    Attach();
    std::cout << "attach" << std::endl;

    Assert(HasEvent(v1::EVENT_KIND_MACHINE_CREATED), "no event of the creation");
    std::cout << "events" << std::endl;

    run.set_name("-");
    Call refused_call;
    const grpc::Status refused = machines_->RunMachine(&refused_call, run, &ran);
    Assert(refused.error_code() == grpc::StatusCode::INVALID_ARGUMENT, refused.error_message());
    Assert(refused.error_details().find("google.rpc.BadRequest") != std::string::npos, "no details");
    Assert(refused.error_details().find("INVALID_FIELD") != std::string::npos, "no reason");
    std::cout << "error details" << std::endl;

    v1::HaltMachineRequest halt;
    halt.set_machine(kName);
    v1::HaltMachineResponse halted;
    {
      Call call;
      Check(machines_->HaltMachine(&call, halt, &halted));
    }
    Assert(halted.machine().state() == v1::MACHINE_STATE_STOPPED, halted.DebugString());
    std::cout << "halt" << std::endl;

    Delete();
    std::cout << "delete" << std::endl;
  }

 private:
  void List() {
    v1::ListMachinesRequest request;
    request.set_page_size(2);
    do {
      Call call;
      v1::ListMachinesResponse page;
      Check(machines_->ListMachines(&call, request, &page));
      for (const auto& machine : page.machines()) Assert(machine.name() != kName, machine.DebugString());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
  }

  void ReadTo(const std::string& marker) {
    v1::ReadConsoleRequest request;
    request.set_machine(kName);
    request.set_offset(0);
    request.set_follow(true);
    Call call;
    auto stream = console_->ReadConsole(&call, request);
    std::string output;
    for (v1::ReadConsoleResponse response; output.find(marker) == std::string::npos; output += response.data())
      Assert(stream->Read(&response), output);
    call.TryCancel();
    stream->Finish();  // cancelled
  }

  // Types as a person at a terminal does; the output comes by the same stream.
  void Attach() {
    Call call;
    auto stream = console_->AttachConsole(&call);
    v1::AttachConsoleRequest open;
    open.mutable_open()->set_machine(kName);
    open.mutable_open()->set_client_name("C++ client");
    std::random_device random;
    std::string token;
    for (int i = 0; i < 4; ++i) token += std::to_string(1000000000 + random() % 1000000000);
    open.mutable_open()->set_token(token);
    Assert(stream->Write(open), "the stream ended");
    std::string output;
    for (v1::AttachConsoleResponse response; output.find("attached") == std::string::npos; output += response.output().data()) {
      Assert(stream->Read(&response), output);
      if (response.has_attached()) {
        Assert(response.attached().is_writer(), response.DebugString());
        v1::AttachConsoleRequest input;
        input.mutable_input()->set_data("attached\n");
        Assert(stream->Write(input), "the stream ended");
      }
    }
    call.TryCancel();
    stream->Finish();  // cancelled
  }

  bool HasEvent(v1::EventKind kind) {
    v1::WatchEventsRequest request;
    request.mutable_since();
    request.add_machines(kName);
    request.set_past_only(true);
    Call call;
    auto stream = events_->WatchEvents(&call, request);
    bool found = false;
    for (v1::WatchEventsResponse message; stream->Read(&message);) found = found || message.event().kind() == kind;
    Check(stream->Finish());
    return found;
  }

  void Delete() {
    v1::DeleteMachineRequest request;
    request.set_machine(kName);
    v1::DeleteMachineResponse deleted;
    Call call;
    Check(machines_->DeleteMachine(&call, request, &deleted));
    v1::GetMachineRequest get;
    get.set_machine(kName);
    v1::GetMachineResponse machine;
    Call get_call;
    Assert(machines_->GetMachine(&get_call, get, &machine).error_code() == grpc::StatusCode::NOT_FOUND, machine.DebugString());
  }

  std::unique_ptr<v1::MachineService::Stub> machines_;
  std::unique_ptr<v1::ConsoleService::Stub> console_;
  std::unique_ptr<v1::EventService::Stub> events_;
};

int main(int argc, char** argv) {
  try {
    grpc::ChannelArguments arguments;
    if (argc > 3) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, argv[3]);
    Client(grpc::CreateCustomChannel(std::string("unix:") + argv[1], grpc::InsecureChannelCredentials(), arguments)).Use(argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
