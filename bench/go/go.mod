module keepwarm/bench

go 1.24
