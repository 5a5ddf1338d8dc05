// server: Go's net/http with TLS, for the tests of go_server.rs. `server PORT CERTIFICATE KEY`
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: server PORT CERTIFICATE KEY")
		os.Exit(2)
	}
	http.HandleFunc("/index.html", func(answer http.ResponseWriter, _ *http.Request) {
		io.WriteString(answer, "from Go")
	})
	// The length of what was sent, as the body and as a trailer; and the trailer that came behind it.
	http.HandleFunc("/length", func(answer http.ResponseWriter, request *http.Request) {
		answer.Header().Set("Trailer", "X-Length")
		length, err := io.Copy(io.Discard, request.Body)
		if err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		text := strconv.FormatInt(length, 10)
		fmt.Fprintf(answer, "%s %s %s", request.Proto, text, request.Trailer.Get("X-Sent"))
		answer.Header().Set("X-Length", text)
	})
	err := http.ListenAndServeTLS("127.0.0.1:"+os.Args[1], os.Args[2], os.Args[3], nil)
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
