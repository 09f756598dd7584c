// A gateway for tests on grpc-js, which shares no code with mxgateway nor with grpc's C core.
//
// One process holds any number of gateways. It reads commands from standard input
// and writes what happens to standard output, one JSON object per line each. The end
// of standard input ends the process. `grpcjs_gateway.py` is the other end.
'use strict';

// Read when grpc-js is loaded; "keepalive" tells when a PING of the server was answered.
process.env.GRPC_TRACE = 'keepalive';
process.env.GRPC_VERBOSITY = 'DEBUG';

const fs = require('fs');
const path = require('path');
const readline = require('readline');
const zlib = require('zlib');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const { Plant } = require('./plant');
const { gatewayService } = require('./gateway_service');
const { testService } = require('./test_service');

const TESTS = path.join(__dirname, '..');

function load(file, folder) {
  const definition = protoLoader.loadSync(file, {
    includeDirs: [folder],
    keepCase: true,
    longs: Number,
    enums: Number,
    defaults: true,
    oneofs: true,
  });
  return grpc.loadPackageDefinition(definition);
}

const contract = load('mxaccess_gateway.proto', path.join(TESTS, '..', 'proto'));
const cases = load('test.proto', path.join(TESTS, 'interop_cases'));

class Gateway {
  constructor(id) {
    this.id = id;
    this.plant = new Plant();
    this.open = 0; // calls in progress
    this.meeting = []; // answers held back until enough calls have come together
    this.held = []; // streams that wait for the command "release"
    this.server = null;
  }

  emit(event, fields = {}) {
    process.stdout.write(`${JSON.stringify({ gateway: this.id, event, ...fields })}\n`);
  }

  serve({ options = {}, port = 0, tls = null, gzip = false }) {
    const interceptors = [watchPings(this), ...(gzip ? [gzipReplies(this)] : [])];
    this.server = new grpc.Server({ ...options, interceptors });
    const service = contract.mxaccess_gateway.v1.MxAccessGateway.service;
    this.server.addService(service, gatewayService(this, service));
    this.server.addService(cases.grpc.testing.TestService.service, testService());
    this.server.bindAsync(`127.0.0.1:${port}`, credentials(tls), (error, bound) => {
      if (error) this.emit('failed', { text: error.message });
      else this.emit('listening', { port: bound });
    });
  }

  release() {
    for (const resume of this.held.splice(0)) resume();
  }

  // Polite: GOAWAY(NO_ERROR), calls in progress finish. The event comes when all have.
  tryShutdown() {
    this.server.tryShutdown((error) => this.emit('stopped', { text: error ? error.message : '' }));
  }

  // Rude: GOAWAY(CANCEL), and the connections are cut.
  forceShutdown() {
    this.server.forceShutdown();
    this.release();
    this.emit('stopped', { text: '' });
  }
}

function credentials(tls) {
  if (!tls) return grpc.ServerCredentials.createInsecure();
  const pair = {
    private_key: fs.readFileSync(tls.key_file),
    cert_chain: fs.readFileSync(tls.cert_file),
  };
  const roots = tls.client_ca_file ? fs.readFileSync(tls.client_ca_file) : null;
  return grpc.ServerCredentials.createSsl(roots, [pair], roots !== null);
}

// grpc-js reads compressed requests but has no option to compress replies. The method that
// frames a reply is not public; the exact version in package.json makes it dependable.
function gzipReplies(gateway) {
  return (_method, call) => {
    const frame = call.serializeMessage.bind(call);
    call.serializeMessage = (message) => {
      const plain = frame(message).subarray(5);
      const packed = zlib.gzipSync(plain);
      const header = Buffer.alloc(5);
      header.writeUInt8(1, 0);
      header.writeUInt32BE(packed.length, 1);
      gateway.emit('compressed', { from: plain.length, to: packed.length });
      return Buffer.concat([header, packed]);
    };
    const start = call.sendMetadata.bind(call);
    call.sendMetadata = (metadata) => {
      metadata.set('grpc-encoding', 'gzip');
      start(metadata);
    };
    return call;
  };
}

// The HTTP/2 session, too, is not public.
function watchPings(gateway) {
  const watched = new WeakSet();
  return (_method, call) => {
    const { session } = call.stream;
    if (!watched.has(session)) {
      watched.add(session);
      session.on('ping', () => gateway.emit('ping'));
    }
    return call;
  };
}

const gateways = new Map();

const commands = {
  serve(id, command) {
    gateways.set(id, new Gateway(id));
    gateways.get(id).serve(command);
  },
  echo: (id, { number }) => gateways.get(id).emit('echo', { number }),
  release: (id) => gateways.get(id).release(),
  tryShutdown: (id) => gateways.get(id).tryShutdown(),
  forceShutdown: (id) => gateways.get(id).forceShutdown(),
};

// The logger knows no server; the event goes to all gateways, and a test that looks for it
// runs the only one that sends PINGs.
grpc.setLogger({
  error(message) {
    if (!message.includes('| keepalive |')) return;
    const text = message.slice(message.lastIndexOf(') ') + 2);
    for (const gateway of gateways.values()) gateway.emit('keepalive', { text });
  },
});

const input = readline.createInterface({ input: process.stdin });
input.on('line', (line) => {
  const { do: name, gateway, ...command } = JSON.parse(line);
  commands[name](gateway, command);
});
input.on('close', () => process.exit(0));
