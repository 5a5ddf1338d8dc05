package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// idle opens so many connections and weighs what is left of them.
func idle(url string, connections int) error {
	resident, err := residentBytes()
	if err != nil {
		return err
	}
	before := openSockets()
	client, _ := client(connections)
	if err := lanes(connections, func() error { return finish(client.Get(url)) }); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	opened := max(openSockets()-before, 1)
	now, err := residentBytes()
	if err != nil {
		return err
	}
	fmt.Printf("go conns=%d bytes=%d\n", opened, (now-resident)/opened)
	return nil
}

func residentBytes() (int, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/self/statm: %q", text)
	}
	pages, err := strconv.Atoi(fields[1])
	return pages * os.Getpagesize(), err
}

func openSockets() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	count := 0
	for _, entry := range entries {
		target, _ := os.Readlink("/proc/self/fd/" + entry.Name())
		if strings.HasPrefix(target, "socket") {
			count++
		}
	}
	return count
}
