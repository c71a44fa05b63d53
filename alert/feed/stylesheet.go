package feed

// Stylesheet returns the style sheet of the pages, with the design's tokens, for pages that stand alone.
func Stylesheet() []byte {
	b, err := files.ReadFile("pages/style.css")
	if err != nil {
		panic(err) // it is embedded
	}
	return b
}
