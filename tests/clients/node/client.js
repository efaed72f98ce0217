// Uses VmHost's API: client.js PROTO SOCKET PREFIX [AUTHORITY].
'use strict';

const assert = require('assert');
const crypto = require('crypto');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const NAME = 'node-client';
const TIMEOUT = 30000; // milliseconds, for each call

async function main(proto, socket, prefix, authority) {
  const files = ['machine_service', 'console_service', 'event_service'].map((file) => `vmhost/v1/${file}.proto`);
  const definition = loader.loadSync(files, { includeDirs: [proto], keepCase: true, enums: String, longs: Number, defaults: true });
  const { v1 } = grpc.loadPackageDefinition(definition).vmhost;
  const options = authority ? { 'grpc.default_authority': authority } : {};
  const address = `unix:${path.resolve(socket)}`;
  const clients = [v1.MachineService, v1.ConsoleService, v1.EventService].map(
    (Service) => new Service(address, grpc.credentials.createInsecure(), options));
  try {
    await use(...clients, prefix);
  } finally {
    clients.forEach((client) => client.close());
  }
}

async function use(machines, consoles, events, prefix) {
  assert(!(await listNames(machines)).includes(NAME));
  console.log('list');

  const spec = { boot: { triple_prefix: prefix } };
  const { machine } = await call(machines, 'RunMachine', { name: NAME, spec, labels: { language: 'node' } });
  assert.strictEqual(machine.state, 'MACHINE_STATE_RUNNING');
  console.log('run');

  await readTo(consoles, 'fakehv ready');
  console.log('read');

  const written = await call(consoles, 'WriteConsole', { machine: NAME, data: Buffer.from('hello\n') });
  console.log('write');

  const match = await call(consoles, 'ExpectConsole', { machine: NAME, pattern: 'hel+o', after_write: written.end_offset });
  assert.strictEqual(match.match.toString(), 'hello');
  console.log('expect');

  await attach(consoles);
  console.log('attach');

  const kinds = (await all(events.WatchEvents({ since: {}, machines: [NAME], past_only: true }, deadline())))
    .filter((message) => message.event).map((message) => message.event.kind);
  assert(kinds.includes('EVENT_KIND_MACHINE_CREATED'), kinds);
  console.log('events');

  const refused = await errorOf(call(machines, 'RunMachine', { name: '-', spec }));
  assert.strictEqual(refused.code, grpc.status.INVALID_ARGUMENT);
  const [details] = refused.metadata.get('grpc-status-details-bin');
  assert(details.includes('google.rpc.BadRequest') && details.includes('name'));
  assert(details.includes('google.rpc.ErrorInfo') && details.includes('INVALID_FIELD'));
  console.log('error details');

  const halted = await call(machines, 'HaltMachine', { machine: NAME });
  assert.strictEqual(halted.machine.state, 'MACHINE_STATE_STOPPED');
  console.log('halt');

  await call(machines, 'DeleteMachine', { machine: NAME });
  assert.strictEqual((await errorOf(call(machines, 'GetMachine', { machine: NAME }))).code, grpc.status.NOT_FOUND);
  console.log('delete');
}

function deadline() {
  return { deadline: Date.now() + TIMEOUT };
}

function call(client, method, request) {
  return new Promise((resolve, reject) => {
    client[method](request, deadline(), (error, response) => (error ? reject(error) : resolve(response)));
  });
}

async function errorOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the call succeeded');
}

async function listNames(machines) {
  const names = [];
  let page_token = '';
  do {
    const page = await call(machines, 'ListMachines', { page_size: 2, page_token });
    names.push(...page.machines.map((machine) => machine.name));
    page_token = page.next_page_token;
  } while (page_token);
  return names;
}

function all(stream) {
  return new Promise((resolve, reject) => {
    const messages = [];
    stream.on('data', (message) => messages.push(message)).on('end', () => resolve(messages)).on('error', reject);
  });
}

function readTo(consoles, marker) {
  return new Promise((resolve, reject) => {
    let output = '';
    const stream = consoles.ReadConsole({ machine: NAME, offset: 0, follow: true }, deadline());
    stream.on('data', (response) => {
      output += response.data.toString('latin1');
      if (output.includes(marker)) {
        resolve();
        stream.cancel();
      }
    });
    stream.on('end', () => reject(new Error(`the console ended without ${marker}`)));
    stream.on('error', reject); // after the cancellation it has no effect
  });
}

// Types as a person at a terminal does; the output comes by the same stream.
function attach(consoles) {
  return new Promise((resolve, reject) => {
    let output = '';
    const stream = consoles.AttachConsole(deadline());
    stream.write({ open: { machine: NAME, client_name: 'node client', token: crypto.randomBytes(16).toString('hex') } });
    stream.on('data', (response) => {
      if (response.attached) {
        assert(response.attached.is_writer);
        stream.write({ input: { offset: 0, data: Buffer.from('attached\n') } });
      }
      output += response.output ? response.output.data.toString('latin1') : '';
      if (output.includes('attached')) {
        resolve();
        stream.cancel();
      }
    });
    stream.on('end', () => reject(new Error(`the console ended: ${output}`)));
    stream.on('error', reject); // after the cancellation it has no effect
  });
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
