// A server of net/http with TLS, as Go has it by default, whose successor can take over its port.
//
// It reads its certificate and key from CERTIFICATE and KEY, and how long a connection may be idle from IDLE. It says its
// port first. A line on its standard input is an order to hand over: a new server accepts, the old one is shut down, and
// the number of the new one is said. The end of its standard input is its own.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	certificate, err := tls.X509KeyPair([]byte(os.Getenv("CERTIFICATE")), []byte(os.Getenv("KEY")))
	check(err)
	idle, err := time.ParseDuration(os.Getenv("IDLE"))
	check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	generation := 0
	server := serve(listener, certificate, idle, generation)
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		// The queue of connections that wait to be accepted belongs to both: none is lost when one of them is closed.
		file, err := listener.(*net.TCPListener).File()
		check(err)
		successor, err := net.FileListener(file)
		check(err)
		check(file.Close())
		generation++
		next := serve(successor, certificate, idle, generation)
		check(server.Shutdown(context.Background()))
		server, listener = next, successor
		fmt.Println(generation)
	}
}

func serve(listener net.Listener, certificate tls.Certificate, idle time.Duration, generation int) *http.Server {
	server := &http.Server{
		IdleTimeout: idle,
		TLSConfig:   &tls.Config{Certificates: []tls.Certificate{certificate}},
		Handler: http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
			answer.Header().Set("X-Generation", strconv.Itoa(generation))
			fmt.Fprint(answer, request.Proto)
		}),
	}
	go func() {
		if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	return server
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
