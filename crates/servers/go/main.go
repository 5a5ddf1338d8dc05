// A server of net/http without TLS, as Go has it by default but for the time a connection may be idle.
//
// It reads its address from ADDRESS, its one answer from TOKEN, and that time from IDLE. Asked for its version it says
// Go's.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"runtime"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "version" {
		fmt.Println(runtime.Version())
		return
	}
	idle, err := time.ParseDuration(os.Getenv("IDLE"))
	if err != nil {
		log.Fatal(err)
	}
	pages := http.NewServeMux()
	pages.HandleFunc("/index.html", func(answer http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(answer, os.Getenv("TOKEN"))
	})
	server := &http.Server{Addr: os.Getenv("ADDRESS"), Handler: pages, IdleTimeout: idle}
	log.Fatal(server.ListenAndServe())
}
