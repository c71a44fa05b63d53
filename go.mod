module github.com/outflow/outflow

go 1.26.0

require (
	github.com/cespare/xxhash/v2 v2.3.0
	github.com/klauspost/compress v1.20.4
	golang.org/x/text v0.44.0
)
