// TestService of the gRPC interoperability cases, see ../interop_cases/test.proto.
'use strict';

const grpc = require('@grpc/grpc-js');

const ECHO_INITIAL = 'x-grpc-test-echo-initial';
const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin';

function echo(call) {
  const initial = call.metadata.get(ECHO_INITIAL);
  if (initial.length) {
    const metadata = new grpc.Metadata();
    metadata.set(ECHO_INITIAL, initial[0]);
    call.sendMetadata(metadata);
  }
  const trailers = new grpc.Metadata();
  for (const value of call.metadata.get(ECHO_TRAILING)) trailers.add(ECHO_TRAILING, value);
  return trailers;
}

function failed(status) {
  return status && status.code ? { code: status.code, details: status.message } : null;
}

const payload = (size) => ({ body: Buffer.alloc(size) });

async function stream(call) {
  const trailers = echo(call);
  const { response_parameters: parameters, response_status: status } = call.request;
  for (const { size, interval_us: interval } of parameters) {
    if (interval) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, interval / 1000);
        call.once('cancelled', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    if (call.cancelled) return;
    call.write({ payload: payload(size) });
  }
  const error = failed(status);
  if (error) call.emit('error', error);
  else call.end(trailers);
}

function testService() {
  return {
    EmptyCall: (_call, callback) => callback(null, {}),
    UnaryCall(call, callback) {
      const trailers = echo(call);
      const { response_size: size, response_status: status } = call.request;
      callback(failed(status), { payload: payload(size) }, trailers);
    },
    StreamingOutputCall: stream,
  };
}

module.exports = { testService };
