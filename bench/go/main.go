// go-peer: Go's net/http, put beside the Rust clients. It understands the same words and prints the same lines.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

const usage = `usage: go-peer URL CONCURRENCY REQUESTS [stream | upload=BYTES]
       go-peer idle URL CONNECTIONS
       go-peer race URL GET|POST GAP_MS SECONDS
       go-peer dials URL LIMIT REQUESTS`

func main() {
	words := os.Args[1:]
	var err error
	switch {
	case len(words) == 3 && words[0] == "idle":
		err = idle(words[1], number(words[2]))
	case len(words) == 5 && words[0] == "race":
		err = race(words[1], words[2], number(words[3]), number(words[4]))
	case len(words) == 4 && words[0] == "dials":
		err = dials(words[1], number(words[2]), number(words[3]))
	case len(words) == 3 || len(words) == 4:
		kind := strings.Join(words[3:], "")
		err = load(words[0], number(words[1]), number(words[2]), kind)
	default:
		err = fmt.Errorf("%s", usage)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func number(word string) int {
	value, err := strconv.Atoi(word)
	if err != nil {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	return value
}

// client is net/http as it comes, except that it may keep so many idle connections, asks for no compression and trusts
// the certificate of the measurement.
func client(connections int) (*http.Client, *http.Transport) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.MaxIdleConns = connections
	transport.MaxIdleConnsPerHost = connections
	transport.DisableCompression = true
	if file := os.Getenv("KEEPWARM_BENCH_CA"); file != "" {
		pem, err := os.ReadFile(file)
		roots := x509.NewCertPool()
		if err != nil || !roots.AppendCertsFromPEM(pem) {
			fmt.Fprintln(os.Stderr, file+": no certificate")
			os.Exit(2)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &http.Client{Transport: transport}, transport
}

// finish reads the answer to its end, so that the connection goes back.
func finish(response *http.Response, err error) error {
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	return err
}

// lanes runs so many goroutines and gives the first error.
func lanes(count int, work func() error) error {
	var group sync.WaitGroup
	errors := make(chan error, count)
	for range count {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := work(); err != nil {
				errors <- err
			}
		}()
	}
	group.Wait()
	select {
	case err := <-errors:
		return err
	default:
		return nil
	}
}
