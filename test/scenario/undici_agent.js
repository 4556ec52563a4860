// undici_agent.js PROXY_URL CA_FILE URL SECONDS [CERTIFICATE KEY]: ProxyAgent of Debian's undici, to
// the proxy with a certificate where one is given. A proxy that ends its TLS is asked again and again,
// for SECONDS. NODE_PATH says where Debian has it. Prints "STATUS BODY", or "ERROR what the client shows".
const fs = require('fs');
const {ProxyAgent, request} = require('undici');

const [uri, caFile, url, seconds, certificateFile, keyFile] = process.argv.slice(2);
const ca = fs.readFileSync(caFile);
const own = certificateFile ? {cert: fs.readFileSync(certificateFile), key: fs.readFileSync(keyFile)} : {};

async function main() {
  const dispatcher = new ProxyAgent({uri, requestTls: {ca}, proxyTls: {ca, ...own}});
  setTimeout(() => { console.log('ERROR no answer in time'); process.exit(0); }, seconds * 1000);
  try {
    const {statusCode, body} = await request(url, {dispatcher});
    console.log(`${statusCode} ${await body.text()}`);
  } catch (error) {
    console.log(`ERROR ${error.message}`);
  }
  process.exit(0);
}

main();
