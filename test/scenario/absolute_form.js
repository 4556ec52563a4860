// absolute_form.js PORT BASE FILE: asks the proxy on PORT of loopback, in absolute form, for BASE/small and
// then twenty times at once to give FILE back (BASE/echo). Prints "STATUS SHA256" of each.
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');

const [port, base, file] = process.argv.slice(2);

function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({host: '127.0.0.1', port, method, path: base + path,
                                  headers: {host: new URL(base).host}}, (response) => {
      const hash = crypto.createHash('sha256');
      response.on('data', (data) => hash.update(data));
      response.on('error', reject);
      response.on('end', () => resolve(`${response.statusCode} ${hash.digest('hex')}`));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function main() {
  const body = fs.readFileSync(file);
  await ask('GET', '/small');
  const answers = await Promise.all(Array.from({length: 20}, () => ask('POST', '/echo', body)));
  console.log(answers.join('\n'));
}

main();
