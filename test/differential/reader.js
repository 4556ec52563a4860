// Node's http: says what it has read, in a field of its answer.
'use strict';
const http = require('http');
const crypto = require('crypto');

const server = http.createServer({ maxHeaderSize: 131072, keepAliveTimeout: 60000 }, (request, response) => {
  const hash = crypto.createHash('sha256');
  let length = 0;
  request.on('data', (data) => { hash.update(data); length += data.length; });
  request.on('end', () => {
    const read = { method: request.method, target: request.url, host: request.headers.host, length, sha256: hash.digest('hex') };
    response.setHeader('X-Read', Buffer.from(JSON.stringify(read)).toString('base64'));
    response.setHeader('Content-Length', '0');
    response.end();
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
