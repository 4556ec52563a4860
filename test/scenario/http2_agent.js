// http2_agent.js PORT CA_FILE URL: Node's HTTP/2 through a tunnel of the proxy on PORT. Prints, as JSON,
// SHA-256 sums of what came: one large file, the same as an echo, fifty small ones at once, and so on.
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const tls = require('tls');

const [port, caFile, url] = process.argv.slice(2);
const {host, hostname} = new URL(url);

function openTunnel() {
  return new Promise((resolve, reject) => {
    const connect = http.request({port, method: 'CONNECT', path: host});
    connect.on('connect', (response, socket) => resolve(tls.connect(
        {socket, servername: hostname, ca: fs.readFileSync(caFile), ALPNProtocols: ['h2']})));
    connect.on('error', reject);
    connect.end();
  });
}

function ask(session, fields, body) {
  return new Promise((resolve, reject) => {
    const stream = session.request(fields);
    const parts = [];
    let status;
    stream.on('response', (response) => { status = response[':status']; });
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => resolve({status, body: Buffer.concat(parts)}));
    stream.on('error', reject);
    stream.end(body);
  });
}

const sum = ({body}) => crypto.createHash('sha256').update(body).digest('hex');

function cancel(session) {
  return new Promise((resolve) => {
    const stream = session.request({':path': '/large'});
    stream.once('data', () => stream.close(http2.constants.NGHTTP2_CANCEL));
    stream.on('close', () => resolve(true));
  });
}

async function main() {
  const socket = await openTunnel();
  const session = http2.connect(url, {createConnection: () => socket});
  const large = await ask(session, {':path': '/large'});
  const got = {
    large: sum(large),
    echo: sum(await ask(session, {':path': '/echo', ':method': 'POST'}, large.body)),
    many: (await Promise.all(Array.from({length: 50}, () => ask(session, {':path': '/small'})))).map(sum),
    head: String((await ask(session, {':path': '/large', ':method': 'HEAD'})).status),
    cancelled: await cancel(session),
    denied: String((await ask(session, {':path': '/small', ':authority': 'other.test'})).status),
    after: sum(await ask(session, {':path': '/small'})),
  };
  console.log(JSON.stringify(got));
  session.close();
}

main().catch((error) => { console.error(error); process.exit(1); });
