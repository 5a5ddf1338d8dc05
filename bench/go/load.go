package main

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// load makes so many requests, so many at a time, and prints what each cost.
func load(url string, concurrency, requests int, kind string) error {
	client, _ := client(concurrency)
	request := func() error { return finish(client.Get(url)) }
	if size, found := strings.CutPrefix(kind, "upload="); found {
		count, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		body := bytes.Repeat([]byte{'u'}, count)
		request = func() error {
			return finish(client.Post(url, "application/octet-stream", bytes.NewReader(body)))
		}
	}
	run := func(each int) error {
		return lanes(concurrency, func() error {
			for range each {
				if err := request(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	each := requests / concurrency
	if err := run(min(max(each/10, 1), 20)); err != nil {
		return err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	user, system := cpu()
	began := time.Now()
	if err := run(each); err != nil {
		return err
	}
	seconds := time.Since(began).Seconds()
	userEnd, systemEnd := cpu()
	runtime.ReadMemStats(&after)
	count := float64(each * concurrency)
	user, system = (userEnd-user)/count, (systemEnd-system)/count
	allocations := float64(after.Mallocs-before.Mallocs) / count
	fmt.Printf("go n=%.0f seconds=%.3f rps=%.1f user_us=%.3f system_us=%.3f cpu_us=%.3f allocations=%.1f\n",
		count, seconds, count/seconds, user, system, user+system, allocations)
	return nil
}

// dials sends a burst over a limit of connections; the server counts them.
func dials(url string, limit, requests int) error {
	client, transport := client(limit)
	transport.MaxConnsPerHost = limit
	return lanes(requests, func() error { return finish(client.Get(url)) })
}

// cpu is user and system time of this process in microseconds.
func cpu() (float64, float64) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, 0
	}
	micros := func(time syscall.Timeval) float64 {
		return float64(time.Sec)*1e6 + float64(time.Usec)
	}
	return micros(usage.Utime), micros(usage.Stime)
}
