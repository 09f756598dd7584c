// Sessions, handles and events of one gateway.
'use strict';

const SOURCE = { seconds: 1760000000, nanos: 123456700 }; // seven digits, as MXAccess gives
const ON_DATA_CHANGE = 1;
const ON_WRITE_COMPLETE = 2;
const GOOD = 192;

class Session {
  constructor(id, script) {
    this.id = id;
    this.script = script; // what its stream does; null: it follows the items
    this.servers = new Set();
    this.items = new Map(); // handle -> {server, reference, advised}
    this.events = [];
    this.closed = false;
    this.changed = new Set(); // callbacks of streams that wait for the next event
    this.handles = 0;
  }

  newHandle() {
    this.handles += 1;
    return this.handles;
  }

  event(fields) {
    const sequence = this.events.length + 1;
    return {
      session_id: this.id,
      worker_sequence: sequence,
      quality: GOOD,
      source_timestamp: SOURCE,
      ...fields,
    };
  }

  dataChange(handle, value) {
    this.push(this.event({
      family: ON_DATA_CHANGE,
      server_handle: this.items.get(handle).server,
      item_handle: handle,
      value,
      on_data_change: {},
    }));
  }

  writeComplete(handle) {
    this.push(this.event({
      family: ON_WRITE_COMPLETE,
      server_handle: this.items.get(handle).server,
      item_handle: handle,
      hresult: 0,
      on_write_complete: {},
    }));
  }

  push(event) {
    this.events.push(event);
    this.announce();
  }

  close() {
    this.closed = true;
    this.announce();
  }

  announce() {
    for (const callback of [...this.changed]) callback();
  }
}

class Plant {
  constructor() {
    this.sessions = new Map();
  }

  open(name) {
    const id = `session-${this.sessions.size + 1}`;
    const session = new Session(id, name.startsWith('{') ? JSON.parse(name) : null);
    this.sessions.set(id, session);
    return session;
  }
}

module.exports = { Plant, ON_DATA_CHANGE };
