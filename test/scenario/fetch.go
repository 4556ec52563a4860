// A page by Go's net/http through a proxy, once for each identity:
//
//	fetch http://PROXY:PORT|https://PROXY:PORT AUTHORITY URL SECONDS IDENTITY...
//
// prints "STATUS VERSION BODY", or "ERROR why", a line each. IDENTITY is "none", or CERTIFICATE,KEY, which
// an https:// proxy is shown. AUTHORITY is a file of those to be believed, of proxy and origin alike.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

func fetch(proxy *url.URL, believed *x509.CertPool, page string, patience time.Duration, identity string) (string, error) {
	trust := &tls.Config{RootCAs: believed}
	if certificate, key, given := strings.Cut(identity, ","); given {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return "", err
		}
		trust.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: trust, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	response, err := client.Get(page)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %s %s", response.StatusCode, response.Proto, strings.TrimSuffix(string(body), "\n")), nil
}

func run(arguments []string) error {
	proxy, err := url.Parse(arguments[0])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(arguments[1])
	if err != nil {
		return err
	}
	seconds, err := strconv.Atoi(arguments[3])
	if err != nil {
		return err
	}
	believed := x509.NewCertPool()
	believed.AppendCertsFromPEM(text)
	for _, identity := range arguments[4:] {
		line, err := fetch(proxy, believed, arguments[2], time.Duration(seconds)*time.Second, identity)
		if err != nil {
			line = "ERROR " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Println(line)
	}
	return nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
