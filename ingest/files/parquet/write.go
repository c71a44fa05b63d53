package parquet

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/outflow/outflow/internal/jsonscan"
)

// writer returns what appends values of a column in JSON.
func writer(e *element) func(b []byte, v value) []byte {
	switch e.physical {
	case boolean:
		return func(b []byte, v value) []byte { return strconv.AppendBool(b, v.number != 0) }
	case int96s:
		return writeInt96
	case float:
		return func(b []byte, v value) []byte {
			return writeFloat(b, float64(math.Float32frombits(uint32(v.number))), 32)
		}
	case double:
		return func(b []byte, v value) []byte { return writeFloat(b, math.Float64frombits(uint64(v.number)), 64) }
	case int32s, int64s:
		return integers(e)
	}
	return bytesOf(e)
}

// integers returns what appends integers, and times and decimals that are stored as such.
func integers(e *element) func(b []byte, v value) []byte {
	unit := map[int64]int64{9: 1, 10: 2, 7: 1, 8: 2}[e.converted]
	if e.unit > 0 {
		unit = e.unit
	}
	switch {
	case e.logical == 5 || e.logical == 0 && e.converted == 5:
		return func(b []byte, v value) []byte { return writeDecimal(b, big.NewInt(v.number), e.scale) }
	case e.logical == 6 || e.converted == 6:
		return func(b []byte, v value) []byte {
			return time.Unix(v.number*86400, 0).UTC().AppendFormat(b, `"2006-01-02"`)
		}
	case e.logical == 8 || e.converted == 9 || e.converted == 10:
		layout := `"2006-01-02T15:04:05.999999999Z"`
		if e.local {
			layout = `"2006-01-02T15:04:05.999999999"`
		}
		return func(b []byte, v value) []byte { return moment(v.number, unit).AppendFormat(b, layout) }
	case e.logical == 7 || e.converted == 7 || e.converted == 8:
		return func(b []byte, v value) []byte { return moment(v.number, unit).AppendFormat(b, `"15:04:05.999999999"`) }
	case e.unsigned || e.converted >= 11 && e.converted <= 14:
		return func(b []byte, v value) []byte {
			if e.physical == int32s {
				return strconv.AppendUint(b, uint64(uint32(v.number)), 10)
			}
			return strconv.AppendUint(b, uint64(v.number), 10)
		}
	}
	return func(b []byte, v value) []byte { return strconv.AppendInt(b, v.number, 10) }
}

// moment returns the time of a number of milliseconds, microseconds or nanoseconds since 1970.
func moment(n, unit int64) time.Time {
	switch unit {
	case 2:
		return time.UnixMicro(n).UTC()
	case 3:
		return time.Unix(0, n).UTC()
	}
	return time.UnixMilli(n).UTC()
}

// writeInt96 appends the time that Hive, Impala and Spark store in 96 bits: nanoseconds of a
// Julian day, in UTC.
func writeInt96(b []byte, v value) []byte {
	nanos := int64(binary.LittleEndian.Uint64(v.bytes))
	day := int64(int32(binary.LittleEndian.Uint32(v.bytes[8:]))) - 2440588
	return time.Unix(day*86400, nanos).UTC().AppendFormat(b, `"2006-01-02T15:04:05.999999999Z"`)
}

// writeFloat appends a number. JSON has none that are infinite.
func writeFloat(b []byte, f float64, size int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, f, 'g', -1, size)
}

// writeDecimal appends a decimal number.
func writeDecimal(b []byte, n *big.Int, scale int64) []byte {
	if scale <= 0 || scale > 1000 {
		return n.Append(b, 10)
	}
	if n.Sign() < 0 {
		b, n = append(b, '-'), new(big.Int).Neg(n)
	}
	digits := n.Append(nil, 10)
	for int64(len(digits)) <= scale {
		digits = append([]byte{'0'}, digits...)
	}
	point := len(digits) - int(scale)
	return append(append(append(b, digits[:point]...), '.'), digits[point:]...)
}

// bytesOf returns what appends texts and other bytes.
func bytesOf(e *element) func(b []byte, v value) []byte {
	switch {
	case e.logical == 5 || e.logical == 0 && e.converted == 5:
		return func(b []byte, v value) []byte {
			n := new(big.Int).SetBytes(v.bytes)
			if len(v.bytes) > 0 && v.bytes[0] >= 0x80 {
				n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v.bytes))))
			}
			if len(v.bytes) > 64 {
				return append(b, "null"...)
			}
			return writeDecimal(b, n, e.scale)
		}
	case e.logical == 14:
		return func(b []byte, v value) []byte {
			u := v.bytes
			if len(u) != 16 {
				return writeBinary(b, v)
			}
			return fmt.Appendf(b, `"%x-%x-%x-%x-%x"`, u[:4], u[4:6], u[6:8], u[8:10], u[10:])
		}
	case e.logical == 12 || e.converted == 19:
		return writeJSON
	case e.physical == fixed:
		return writeBinary
	case e.logical == 1 || e.logical == 4 || e.converted == 0 || e.converted == 4:
		return writeText
	}
	return func(b []byte, v value) []byte { // Hive does not say what is a text
		if utf8.Valid(v.bytes) {
			return writeText(b, v)
		}
		return writeBinary(b, v)
	}
}

// writeText appends a text.
func writeText(b []byte, v value) []byte { return quote(b, v.bytes) }

// writeBinary appends bytes in base64.
func writeBinary(b []byte, v value) []byte {
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), v.bytes), '"')
}

// writeJSON appends a value that is in JSON already.
func writeJSON(b []byte, v value) []byte {
	if bytes.ContainsAny(v.bytes, "\n\r") {
		return quote(b, v.bytes)
	}
	var s jsonscan.Scanner
	s.Reset(v.bytes)
	if s.Raw(); s.Err() != nil || len(bytes.TrimSpace(v.bytes[s.Offset():])) > 0 {
		return quote(b, v.bytes)
	}
	return append(b, v.bytes...)
}

const hex = "0123456789abcdef"

// quote appends a text as a JSON string.
func quote(b, text []byte) []byte {
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\ufffd"))
	}
	b = append(b, '"')
	from := 0
	for i, c := range text {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, text[from:]...), '"')
}
