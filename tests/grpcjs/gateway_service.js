// The RPCs of MxAccessGateway. What a call does is scripted by its caller, in JSON:
//
// - `client_session_name` of OpenSession, for the stream of the session:
//   {count, size, hold, report, headers, trailers, status, hang}
// - `message` of a Ping: {headers, trailers, status, hang, meet, size}
//
// headers and trailers are metadata (values of -bin names in base64). status is
// {code, details}. hang: no end until the caller gives up. hold: wait for "release" after so
// many events. report: tell how many bytes of events the network has taken. meet: answer only
// once so many calls have come together. size: characters in each event or in the reply.
'use strict';

const grpc = require('@grpc/grpc-js');
const { ON_DATA_CHANGE } = require('./plant');

const OK = { code: 1, message: 'OK' };
const SESSION_STATE_CLOSED = 8;
const KIND = {
  REGISTER: 1, UNREGISTER: 2, ADD_ITEM: 3, REMOVE_ITEM: 5, ADVISE: 6, UN_ADVISE: 7, WRITE: 13,
  PING: 100,
};
const FRAME = 5; // bytes before each gRPC message

function metadataOf(fields = {}) {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(fields)) {
    metadata.add(name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  }
  return metadata;
}

function jsonOf(metadata) {
  const result = {};
  for (const name of Object.keys(metadata.getMap())) {
    result[name] = metadata.get(name).map((v) => (Buffer.isBuffer(v) ? v.toString('base64') : v));
  }
  return result;
}

function failure(status, trailers) {
  return { code: status.code, details: status.details || '', metadata: metadataOf(trailers) };
}

// Notes begin and end of a call. grpc-js says "cancelled" also after a normal end.
function observe(gateway, method, call) {
  const deadline = call.getDeadline();
  const certificate = call.getAuthContext().sslPeerCertificate;
  let finished = false;
  const end = (event) => {
    if (finished) return;
    finished = true;
    gateway.open -= 1;
    gateway.emit(event, { method });
  };
  gateway.open += 1;
  gateway.emit('call', {
    method,
    metadata: jsonOf(call.metadata),
    deadline_ms: Number.isFinite(deadline) ? deadline - Date.now() : null,
    peer: call.getPeer(),
    certificate: certificate ? certificate.fingerprint256 : null,
    open: gateway.open,
  });
  call.on('cancelled', () => end('cancelled'));
  return { finish: () => end('finished') };
}

function gatewayService(gateway, service) {
  const plant = gateway.plant;

  function sessionOf(call) {
    const session = plant.sessions.get(call.request.session_id);
    if (session) return session;
    throw { code: grpc.status.NOT_FOUND, details: `no session ${call.request.session_id}` };
  }

  // A unary RPC from a function that returns [reply, trailers] or throws a status.
  function unary(method, run) {
    return (call, callback) => {
      const observed = observe(gateway, method, call);
      const answer = (error, reply, trailers) => {
        observed.finish();
        callback(error, reply, trailers);
      };
      try {
        run(call, answer);
      } catch (error) {
        answer(error);
      }
    };
  }

  function openSession(call, answer) {
    const session = plant.open(call.request.client_session_name);
    answer(null, {
      session_id: session.id,
      backend_name: 'grpc-js',
      worker_protocol_version: 1,
      gateway_protocol_version: 3,
      protocol_status: OK,
    });
  }

  function closeSession(call, answer) {
    const session = sessionOf(call);
    session.close();
    answer(null, { session_id: session.id, final_state: SESSION_STATE_CLOSED, protocol_status: OK });
  }

  function invoke(call, answer) {
    const session = sessionOf(call);
    const { kind, ...command } = call.request.command;
    const payload = command[command.payload];
    const reply = {
      session_id: session.id,
      correlation_id: call.request.client_correlation_id,
      kind,
      hresult: 0,
      protocol_status: OK,
    };
    if (kind === KIND.PING) ping(call, payload.message, reply, answer);
    else answer(null, { ...reply, ...execute(session, kind, payload) });
  }

  function execute(session, kind, payload) {
    const handle = payload.item_handle;
    switch (kind) {
      case KIND.REGISTER: {
        const server = session.newHandle();
        session.servers.add(server);
        return { register: { server_handle: server } };
      }
      case KIND.UNREGISTER:
        session.servers.delete(payload.server_handle);
        return {};
      case KIND.ADD_ITEM: {
        const item = session.newHandle();
        session.items.set(item, { server: payload.server_handle });
        return { add_item: { item_handle: item } };
      }
      case KIND.REMOVE_ITEM:
        session.items.delete(handle);
        return {};
      case KIND.ADVISE:
        session.dataChange(handle, { double_value: 10.5 });
        return {};
      case KIND.UN_ADVISE:
        return {};
      case KIND.WRITE:
        session.dataChange(handle, payload.value);
        session.writeComplete(handle);
        return {};
      default:
        throw { code: grpc.status.UNIMPLEMENTED, details: `no script for command ${kind}` };
    }
  }

  function ping(call, message, reply, answer) {
    const script = message.startsWith('{') ? JSON.parse(message) : {};
    if (script.headers) call.sendMetadata(metadataOf(script.headers));
    if (script.hang) return;
    if (script.status) {
      answer(failure(script.status, script.trailers));
      return;
    }
    const finish = () => answer(
      null,
      { ...reply, diagnostic_message: 'x'.repeat(script.size || 0) },
      metadataOf(script.trailers),
    );
    if (!script.meet) {
      finish();
      return;
    }
    gateway.meeting.push(finish);
    if (gateway.meeting.length === script.meet) {
      for (const held of gateway.meeting.splice(0)) held();
    }
  }

  function streamEvents(call) {
    const observed = observe(gateway, 'StreamEvents', call);
    const session = plant.sessions.get(call.request.session_id);
    const end = (error, trailers) => {
      observed.finish();
      if (error) call.emit('error', error);
      else call.end(trailers);
    };
    if (!session) {
      end({ code: grpc.status.NOT_FOUND, details: `no session ${call.request.session_id}` });
      return;
    }
    const script = session.script;
    const run = script ? playScript(call, session, script) : followItems(call, session);
    run.then(
      () => {
        if (call.cancelled || (script && script.hang)) return;
        if (script && script.status) end(failure(script.status, script.trailers));
        else end(null, metadataOf(script ? script.trailers : {}));
      },
      (error) => end({ code: grpc.status.INTERNAL, details: String(error) }),
    );
  }

  // Resolves when `emitter` announces one of `events`.
  function once(emitter, events) {
    return new Promise((resolve) => {
      const done = () => {
        for (const event of events) emitter.off(event, done);
        resolve();
      };
      for (const event of events) emitter.on(event, done);
    });
  }

  async function playScript(call, session, script) {
    let taken = 0;
    if (script.headers) call.sendMetadata(metadataOf(script.headers));
    const text = 'x'.repeat(script.size || 0);
    for (let n = 0; n < (script.count || 0) && !call.cancelled; n += 1) {
      if (n === script.hold) {
        gateway.emit('holding');
        await new Promise((resolve) => gateway.held.push(resolve));
      }
      const event = {
        family: ON_DATA_CHANGE,
        session_id: session.id,
        worker_sequence: n + 1,
        value: text ? { string_value: text } : { int32_value: n },
        on_data_change: {},
      };
      const bytes = FRAME + service.StreamEvents.responseSerialize(event).length;
      const report = (error) => {
        if (error) return;
        taken += bytes;
        gateway.emit('taken', { bytes: taken, events: n + 1 });
      };
      const more = call.write(event, script.report ? report : undefined);
      if (!more) await once(call, ['drain', 'cancelled']);
    }
  }

  async function followItems(call, session) {
    let cursor = call.request.after_worker_sequence;
    while (!call.cancelled) {
      while (cursor < session.events.length) {
        call.write(session.events[cursor]);
        cursor += 1;
      }
      if (session.closed) return;
      await new Promise((resolve) => {
        session.changed.add(resolve);
        call.once('cancelled', resolve);
      });
      session.changed.clear();
    }
  }

  return {
    OpenSession: unary('OpenSession', openSession),
    CloseSession: unary('CloseSession', closeSession),
    Invoke: unary('Invoke', invoke),
    StreamEvents: streamEvents,
  };
}

module.exports = { gatewayService };
