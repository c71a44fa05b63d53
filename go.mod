module github.com/outflow/outflow

go 1.26.0

require (
	github.com/cespare/xxhash/v2 v2.3.0
	github.com/fxamacker/cbor/v2 v2.10.0
	github.com/klauspost/compress v1.20.4
	github.com/mattn/go-sqlite3 v1.14.53
	golang.org/x/text v0.44.0
	gonum.org/v1/gonum v0.17.0
)

require github.com/x448/float16 v0.8.4 // indirect
