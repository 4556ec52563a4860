// connect_agent.js PROXY_PORT CA_FILE URL: Node's own fetch, its connections made through CONNECT.
// Prints "STATUS BODY", or "ERROR what the client shows".
const fs = require('fs');
const http = require('http');
const tls = require('tls');

const [proxyPort, caFile, url] = process.argv.slice(2);

function connect(options, callback) {
  const port = options.port || (options.protocol === 'https:' ? 443 : 80);
  const request = http.request({
    host: '127.0.0.1', port: Number(proxyPort), method: 'CONNECT',
    path: `${options.hostname}:${port}`, headers: {host: `${options.hostname}:${port}`},
  });
  let refused = false;
  request.once('connect', (response, socket) => {
    if (response.statusCode === 200) {
      const secure = tls.connect({
        socket, servername: options.hostname, ca: fs.readFileSync(caFile), ALPNProtocols: ['http/1.1'],
      });
      secure.once('secureConnect', () => callback(null, secure));
      secure.once('error', (error) => callback(error, null));
      return;
    }
    refused = true;
    const why = response.headers['proxy-status'];
    socket.destroy();
    callback(new Error(`proxy said ${response.statusCode}: ${why}`), null);
  });
  request.once('error', (error) => { if (!refused) callback(error, null); });
  request.end();
}

async function main() {
  // The class behind fetch's dispatcher is reached through the dispatcher itself.
  await fetch('data:,x');
  const known = globalThis[Symbol.for('undici.globalDispatcher.1')];
  const Agent = known.constructor;
  const dispatcher = new Agent({connect});
  try {
    const response = await fetch(url, {dispatcher});
    console.log(`${response.status} ${await response.text()}`);
  } catch (error) {
    console.log(`ERROR ${error.cause ? error.cause.message : error.message}`);
  }
  process.exit(0);
}

main();
