package main

import (
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const raceLanes = 64

// race meets a server that closes idle connections as they are reused. Failures of the first second are counted
// apart, and each POST carries a number of its own, as in the Rust peers.
func race(url, method string, gap, seconds int) error {
	client, _ := client(raceLanes)
	var numbers, earlyGood, earlyBad, good, bad atomic.Int64
	began := time.Now()
	err := lanes(raceLanes, func() error {
		for time.Since(began) < time.Duration(seconds)*time.Second {
			early := time.Since(began) < time.Second
			var err error
			if method == "POST" {
				body := strings.NewReader(strconv.FormatInt(numbers.Add(1), 10))
				err = finish(client.Post(url, "text/plain", body))
			} else {
				err = finish(client.Get(url))
			}
			switch {
			case early && err == nil:
				earlyGood.Add(1)
			case early:
				earlyBad.Add(1)
			case err == nil:
				good.Add(1)
			default:
				bad.Add(1)
			}
			time.Sleep(time.Duration(gap*1000-1000+rand.Intn(2000)) * time.Microsecond)
		}
		return nil
	})
	fmt.Printf("go early_ok=%d early_failed=%d ok=%d failed=%d\n",
		earlyGood.Load(), earlyBad.Load(), good.Load(), bad.Load())
	return err
}
