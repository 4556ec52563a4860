// A GET through an https:// proxy by Node's own clients, with a client certificate or none:
//   node mtls_agent.js PROXY CA URL [CERTIFICATE KEY]
// Prints the status and the body, or ERROR and why.
"use strict";
const fs = require("fs");
const https = require("https");

const [, , proxy, authority, url, certificate, key] = process.argv;
const ca = fs.readFileSync(authority);
const target = new URL(url);
const mine = certificate ? { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) } : {};

function fail(error) {
    console.log("ERROR " + error.message);
    process.exit(0);
}

const { hostname, port } = new URL(proxy);
const asked = {
    hostname,
    port,
    method: "CONNECT",
    path: target.host, // beside an URL Node 18 would not take it
    headers: { host: target.host },
    servername: hostname, // else Node expects the one of the Host field
    agent: false,
    ca,
    ...mine,
};
https
    .request(asked)
    .on("connect", (answer, socket) => {
        if (answer.statusCode !== 200) {
            fail(new Error("the proxy said " + answer.statusCode + " " + answer.statusMessage));
        }
        https
            .get(url, { socket, agent: false, ca, servername: target.hostname }, (response) => {
                let body = "";
                response.setEncoding("latin1");
                response.on("data", (data) => (body += data));
                response.on("end", () => {
                    process.stdout.write(response.statusCode + " " + body, () => process.exit(0));
                });
            })
            .on("error", fail);
    })
    .on("error", fail)
    .end();
