module keepwarm.test/plain

go 1.21
