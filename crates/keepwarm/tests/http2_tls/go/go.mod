module keepwarm.test/server

go 1.21
